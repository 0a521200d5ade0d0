//! The backend over a Redis or Valkey server.
//!
//! A value is a plain string at the key `<prefix><bucket>:<key>`, which any client of the server can
//! read and set. What must be atomic is a script, which the server runs as one.
//!
//! - `config`: where the server is, and how long it is waited for;
//! - `server`: what the files that the settings name say of it;
//! - `connection`: one connection for all calls, made anew when it is lost;
//! - `fault`: what an error of the server means for the next step;
//! - `names`: what buckets and keys are called there;
//! - `scripts`: what the server does as one.

mod config;
mod connection;
mod fault;
mod names;
mod scripts;
mod server;

use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, cmd};
use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::id::{LatticeId, ProviderName};
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};

pub(crate) use self::config::Config;
use self::connection::{Connection, Connections, ToBucket};
use self::fault::fault;
use self::names::Names;
use self::scripts::{Added, Scripts, Swap};
use crate::attempt::{self, Fault};
use crate::bucket::Bucket;
use crate::number::{self, Delta};
use crate::store::{Error, PAGE_BYTES_MAX, PAGE_KEYS_MAX, Store, Swapped};

/// How many keys the server looks at for one question: it serves nobody else meanwhile.
const SCAN_COUNT: usize = 500;
/// How many questions a page may take: where other keys are many, a page may hold few, or none.
const SCANS_MAX: u32 = 64;
/// How often others may write first before an increment is told so: with the pauses between, longer
/// than most deadlines.
const CONFLICTS_MAX: u32 = 64;

/// Buckets on a Redis server.
pub(crate) struct Redis {
    connections: Connections,
    names: Names,
    scripts: Scripts,
}

impl Redis {
    /// Connects at the first call, and again whenever it must.
    pub(crate) async fn new(
        config: &Config,
        lattice: &LatticeId,
        provider: &ProviderName,
    ) -> Result<Self, String> {
        Ok(Self {
            connections: Connections::new(config).await?,
            names: Names::new(config.prefix.as_deref(), lattice, provider),
            scripts: Scripts::new(),
        })
    }

    fn to<'a>(&'a self, bucket: &'a Bucket) -> ToBucket<'a> {
        ToBucket {
            connections: &self.connections,
            names: &self.names,
            bucket,
        }
    }

    /// Asks what changes nothing.
    async fn ask<T: FromRedisValue>(&self, bucket: &Bucket, command: &Cmd) -> Result<T, Error> {
        let work = |connection: Connection| async move {
            let mut server = connection.server();
            command.query_async(&mut server).await.map_err(fault)
        };
        attempt::idempotent(&self.to(bucket), work).await
    }

    /// Does what must not be done twice.
    async fn change(&self, bucket: &Bucket, command: &Cmd) -> Result<(), Error> {
        let work = |connection: Connection| async move {
            let mut server = connection.server();
            command.query_async(&mut server).await.map_err(fault)
        };
        attempt::at_most_once(&self.to(bucket), work).await
    }

    async fn try_swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &str,
        value: &Bytes,
    ) -> Result<Swapped, Error> {
        let at = &*self.names.key(bucket, key);
        let work = |connection: Connection| {
            let swap = Swap {
                key: at,
                version,
                value,
                ttl: bucket.ttl,
            };
            async move { self.scripts.swap(&mut connection.server(), &swap).await }
        };
        attempt::at_most_once(&self.to(bucket), work).await
    }

    /// Adds to a number that the server can't add to exactly: reads, adds, writes if nobody wrote.
    async fn add_here(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        let mut now = self.read(bucket, key).await?;
        for conflict in 1..=CONFLICTS_MAX {
            let sum = number::increment(key, now.value.as_deref(), delta)?;
            let value = number::write(sum);
            match self.try_swap(bucket, key, &now.version, &value).await? {
                Swapped::Done => return Ok(sum),
                Swapped::Failed(newer) => now = newer,
            }
            tokio::time::sleep(attempt::pause(conflict, attempt::random())).await;
        }
        Err(Error::overloaded(
            "too many processes write this key at once",
        ))
    }

    /// The keys after `cursor`, as many as make a page or as few as the bounds allow.
    async fn scan(&self, server: Connection, pattern: &str, cursor: u64) -> Result<Page, Fault> {
        let mut page = Page {
            found: Vec::new(),
            cursor,
        };
        let mut bytes = 0;
        for _ in 0..SCANS_MAX {
            let mut scan = cmd("SCAN");
            scan.arg(page.cursor)
                .arg("MATCH")
                .arg(pattern)
                .arg("COUNT")
                .arg(SCAN_COUNT);
            let (next, found): (u64, Vec<Vec<u8>>) = scan
                .query_async(&mut server.server())
                .await
                .map_err(fault)?;
            bytes += found.iter().map(Vec::len).sum::<usize>();
            page.found.extend(found);
            page.cursor = next;
            // One more question may bring as many keys as were looked at, and then some.
            let is_full =
                page.found.len() + SCAN_COUNT >= PAGE_KEYS_MAX || bytes >= PAGE_BYTES_MAX / 2;
            if next == 0 || is_full {
                break;
            }
        }
        Ok(page)
    }
}

/// What a listing found.
struct Page {
    found: Vec<Vec<u8>>,
    /// 0 at the end.
    cursor: u64,
}

#[async_trait]
impl Store for Redis {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        attempt::idempotent(&self.to(bucket), |_| std::future::ready(Ok(()))).await
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        let mut get = cmd("GET");
        get.arg(self.names.key(bucket, key));
        let value: Option<Vec<u8>> = self.ask(bucket, &get).await?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        let mut set = cmd("SET");
        set.arg(self.names.key(bucket, key)).arg(&*value);
        if let Some(ttl) = bucket.ttl {
            set.arg("EX").arg(ttl.as_secs());
        }
        self.change(bucket, &set).await
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let mut delete = cmd("DEL");
        delete.arg(self.names.key(bucket, key));
        self.change(bucket, &delete).await
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        let mut exists = cmd("EXISTS");
        exists.arg(self.names.key(bucket, key));
        self.ask(bucket, &exists).await
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let pattern = &*self.names.pattern(bucket);
        let work = |server: Connection| self.scan(server, pattern, cursor.unwrap_or(0));
        let page = attempt::idempotent(&self.to(bucket), work).await?;
        // What is not a key of ours, somebody else wrote.
        let keys = page.found.iter();
        Ok(KeyResponse {
            keys: keys.filter_map(|at| self.names.read(bucket, at)).collect(),
            cursor: Some(page.cursor).filter(|cursor| *cursor != 0),
        })
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        let at = &*self.names.key(bucket, key);
        let added = match Scripts::can_add(delta) {
            false => Added::NotHere,
            true => {
                let work = |connection: Connection| async move {
                    let mut server = connection.server();
                    self.scripts.add(&mut server, at, delta, bucket.ttl).await
                };
                attempt::at_most_once(&self.to(bucket), work).await?
            }
        };
        match added {
            Added::Sum(sum) => Ok(sum),
            Added::NotHere => self.add_here(bucket, key, delta).await,
        }
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        let at = &*self.names.key(bucket, key);
        let work = |connection: Connection| async move {
            self.scripts.read(&mut connection.server(), at).await
        };
        attempt::idempotent(&self.to(bucket), work).await
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        self.try_swap(bucket, key, version, &value).await
    }
}

/// A time to live as commands take it: nothing for good.
fn seconds(ttl: Option<Duration>) -> String {
    ttl.map(|ttl| ttl.as_secs().to_string()).unwrap_or_default()
}
