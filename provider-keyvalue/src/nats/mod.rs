//! The backend over JetStream key-value buckets.
//!
//! In reading order:
//! - `key`: any string as a JetStream key, and back;
//! - `handles`: the handles of the buckets that were used last;
//! - `buckets`: a bucket's stream: its name, its settings, and the ones in use;
//! - `entries`: one key of one bucket, read and written once;
//! - `attempt`: when and how often to try again;
//! - `page`: listing keys;
//! - `conditional`: writes that take place only if nobody else wrote first;
//! - `queue`, `increment`: counters, exact and combined;
//! - `changes`: what changes in a bucket, for those who watch it.

mod attempt;
mod buckets;
mod changes;
mod conditional;
mod entries;
mod handles;
mod increment;
mod key;
mod page;
mod queue;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::id::ProviderName;
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};
use provider_sdk::Client;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use self::buckets::Buckets;
use self::changes::BucketChanges;
use self::entries::Entries;
use self::increment::Counters;
use crate::bucket::Bucket;
use crate::number::Delta;
use crate::store::{Error, Store, Swapped, version, versioned};
use crate::watch::{Changes, Observable, Watch};

/// The most replicas that JetStream keeps.
const REPLICAS_MAX: u8 = 5;

/// How buckets are made. One that exists is used as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// How many servers keep each value; unless it is said, as many as keep the lattice's own state.
    #[serde(deserialize_with = "replicas")]
    pub(crate) replicas: Option<u8>,
    /// Where they keep it.
    pub(crate) storage: Storage,
}

/// Where values are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Storage {
    /// In files: survives a restart.
    #[default]
    File,
    /// In memory: gone with the server.
    Memory,
}

fn replicas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let read = value.as_u64().and_then(|n| u8::try_from(n).ok());
    read.filter(|n| (1..=REPLICAS_MAX).contains(n))
        .map(Some)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "replicas is {value}, use a number from 1 to {REPLICAS_MAX}"
            ))
        })
}

/// JetStream key-value buckets on the lattice's own NATS.
pub(crate) struct Nats {
    buckets: Arc<Buckets>,
    counters: Counters,
}

impl Nats {
    pub(crate) fn new(client: &Client, provider: &ProviderName, config: Config) -> Self {
        let buckets = Arc::new(Buckets::new(client, provider, config));
        Self {
            counters: Counters::new(buckets.clone()),
            buckets,
        }
    }
}

impl Observable for Nats {
    fn changes(&self, watch: &Watch) -> Box<dyn Changes> {
        Box::new(BucketChanges::new(self.buckets.clone(), watch.clone()))
    }
}

#[async_trait]
impl Store for Nats {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        attempt::idempotent(&self.buckets, bucket, |_| std::future::ready(Ok(()))).await
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        let key = &*key::encode(key);
        let read = |entries: Arc<Entries>| async move { entries.read(key).await };
        let entry = attempt::idempotent(&self.buckets, bucket, read).await?;
        Ok(entry.value)
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        let (key, value) = (&*key::encode(key), &value);
        let put = |entries: Arc<Entries>| async move { entries.put(key, value, bucket.ttl).await };
        attempt::at_most_once(&self.buckets, bucket, put).await
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let key = &*key::encode(key);
        let delete = |entries: Arc<Entries>| async move { entries.delete(key).await };
        attempt::at_most_once(&self.buckets, bucket, delete).await
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        self.get(bucket, key).await.map(|value| value.is_some())
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let read = |entries: Arc<Entries>| async move { page::read(&entries, cursor).await };
        attempt::idempotent(&self.buckets, bucket, read).await
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        self.counters.increment(bucket, key, delta).await
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        let key = &*key::encode(key);
        let read = |entries: Arc<Entries>| async move { entries.read(key).await };
        let entry = attempt::idempotent(&self.buckets, bucket, read).await?;
        Ok(versioned(entry.revision, entry.value))
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version_named: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let revision = version(version_named)?;
        let key = key::encode(key);
        conditional::swap(&self.buckets, bucket, &key, revision, value).await
    }

    async fn stop(&self) {
        self.counters.stop().await;
    }
}
