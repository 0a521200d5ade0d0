//! The backend in a file of this process's own: survives the process, and the machine.
//!
//! Reads go to the file at once; writes go through one thread that does as many as wait in one
//! commit, and answers after it. So what was answered is on disk, and the more wait, the fewer
//! times the disk is waited for.
//!
//! - `database`: the file: opened, locked, read;
//! - `change`: one write to its tables;
//! - `writer`: many writes in one commit.

mod change;
mod database;
#[cfg(test)]
mod file_test;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};
use serde::Deserialize;

use self::change::{Change, Outcome};
use self::database::{Database, Found};
use self::writer::Writer;
use crate::bucket::Bucket;
use crate::number::Delta;
use crate::store::{ABSENT, Error, Store, Swapped, Tell, version, versioned};

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Made with its folders if it is missing; relative to where the provider was started.
    pub(crate) path: PathBuf,
}

impl Config {
    /// Refuses what names no file.
    pub(crate) fn checked(self) -> Result<Self, String> {
        match self.path.file_name() {
            Some(_) => Ok(self),
            None if self.path.as_os_str().is_empty() => Err("path is empty: name a file".into()),
            None => Err(format!("path {} names no file", self.path.display())),
        }
    }
}

/// Buckets in a file.
pub(crate) struct File {
    database: Arc<Database>,
    writer: Writer,
}

impl File {
    /// Opens the file, which no other process may have open.
    pub(crate) async fn open(config: &Config) -> Result<Self, String> {
        let database = Arc::new(Database::new(config.path.clone()));
        let opened = database.clone();
        tokio::task::spawn_blocking(move || opened.open().map(drop))
            .await
            .map_err(|error| format!("failed to open {}: {error}", config.path.display()))??;
        let writer = Writer::start(database.clone())?;
        Ok(Self { database, writer })
    }

    /// Reads in a thread that may wait for the disk.
    async fn look<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Database) -> Result<T, Error> + Send + 'static,
    {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || work(&database))
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("reading the file broke off")))
    }

    async fn find(&self, bucket: &Bucket, key: &str) -> Result<Option<Found>, Error> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.look(move |database| database.find(&bucket, &key))
            .await
    }
}

#[async_trait]
impl Store for File {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        let name = bucket.name.clone();
        if self.look(move |database| database.has(&name)).await? {
            return Ok(());
        }
        self.writer.write(bucket, Change::Open).await.map(drop)
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.find(bucket, key).await?.map(|found| found.value))
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        let key = key.to_owned();
        let set = Change::Set { key, value };
        self.writer.write(bucket, set).await.map(drop)
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        let delete = Change::Delete { key };
        self.writer.write(bucket, delete).await.map(drop)
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        Ok(self.find(bucket, key).await?.is_some())
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let bucket = bucket.clone();
        self.look(move |database| database.page(&bucket, cursor))
            .await
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        let key = key.to_owned();
        let increment = Change::Increment { key, delta };
        match self.writer.write(bucket, increment).await? {
            Outcome::Sum(sum) => Ok(sum),
            _ => Err(Error::lost("the file answered something else")),
        }
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        Ok(told(self.find(bucket, key).await?))
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        named: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let swap = Change::Swap {
            key: key.to_owned(),
            version: version(named)?,
            value,
        };
        match self.writer.write(bucket, swap).await? {
            Outcome::Stands(found) => Ok(Swapped::Failed(told(found))),
            _ => Ok(Swapped::Done),
        }
    }

    fn tell_unheard(&self, tell: Tell) {
        self.writer.tell_unheard(tell);
    }

    async fn stop(&self) {
        self.writer.stop().await;
        self.database.close();
    }
}

fn told(found: Option<Found>) -> Versioned {
    match found {
        Some(found) => versioned(found.version, Some(found.value)),
        None => versioned(ABSENT, None),
    }
}
