//! The backend in this process's memory: the fastest, and gone with the process.
//!
//! - `shelf`: what is kept, without locks or clocks.

mod shelf;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};
use serde::Deserialize;
use tokio::time::Instant;

use self::shelf::{Entry, Shelf};
use crate::bucket::Bucket;
use crate::config;
use crate::number::{self, Delta};
use crate::store::{ABSENT, Error, Store, Swapped, version, versioned};

/// The most that may be kept by choice: 64 GiB.
const MEMORY_MIB_MAX: u64 = 64 * 1024;

/// How much may be kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Keys, values and what it takes to find them, in MiB.
    memory_mib: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { memory_mib: 256 }
    }
}

impl Config {
    /// Refuses what is out of bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        config::bounded("memory_mib", self.memory_mib, 1..=MEMORY_MIB_MAX)
    }
}

/// Buckets in memory.
pub(crate) struct Memory(Mutex<Shelf>);

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Mutex::new(Shelf::new(config.memory_mib << 20)))
    }

    /// The shelf, without what has had its time.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing panics while it is held; every change to it is whole before the next begins.
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.expire(Instant::now());
        shelf
    }

    fn find(&self, bucket: &Bucket, key: &str) -> Result<Option<Entry>, Error> {
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        Ok(shelf.get(&bucket.name, key).cloned())
    }
}

/// Puts a value where it belongs, kept for as long as the link says.
fn put(shelf: &mut Shelf, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
    let until = bucket.ttl.map(|ttl| Instant::now() + ttl);
    shelf.put(&bucket.name, key, value, until)
}

#[async_trait]
impl Store for Memory {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        self.shelf().open(&bucket.name, bucket.create)
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.find(bucket, key)?.map(|entry| entry.value))
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        put(&mut shelf, bucket, key, value)
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        shelf.remove(&bucket.name, key);
        Ok(())
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        Ok(self.find(bucket, key)?.is_some())
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        Ok(shelf.page(&bucket.name, cursor))
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        let found = shelf.get(&bucket.name, key);
        let sum = number::increment(key, found.map(|entry| &*entry.value), delta)?;
        put(&mut shelf, bucket, key, number::write(sum))?;
        Ok(sum)
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        Ok(told(self.find(bucket, key)?.as_ref()))
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        named: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let expected = version(named)?;
        let mut shelf = self.shelf();
        shelf.open(&bucket.name, bucket.create)?;
        let found = shelf.get(&bucket.name, key);
        if found.map_or(ABSENT, |entry| entry.version) != expected {
            return Ok(Swapped::Failed(told(found)));
        }
        put(&mut shelf, bucket, key, value)?;
        Ok(Swapped::Done)
    }
}

fn told(entry: Option<&Entry>) -> Versioned {
    match entry {
        Some(entry) => versioned(entry.version, Some(entry.value.clone())),
        None => versioned(ABSENT, None),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kept_for(seconds: u64) -> Bucket {
        let mut bucket = Bucket::of(None, "b").unwrap();
        bucket.ttl = Some(Duration::from_secs(seconds));
        bucket
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_has_its_time_from_its_last_write() {
        let store = Memory::new(&Config::default());
        let bucket = kept_for(10);
        store.set(&bucket, "a", "1".into()).await.unwrap();
        tokio::time::advance(Duration::from_secs(6)).await;
        let one = Delta::new(1u64.into(), false).unwrap();
        let sum = store.increment(&bucket, "a", one).await.unwrap();
        assert_eq!(sum, 2u64.into());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(store.exists(&bucket, "a").await.unwrap());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(store.get(&bucket, "a").await, Ok(None));
        let page = store.list_keys(&bucket, None).await.unwrap();
        assert_eq!(page.keys, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_was_replaced_by_one_kept_for_good_stays() {
        let store = Memory::new(&Config::default());
        let bucket = kept_for(10);
        store.set(&bucket, "a", "1".into()).await.unwrap();
        let for_good = Bucket::of(None, "b").unwrap();
        store.set(&for_good, "a", "2".into()).await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(store.get(&bucket, "a").await, Ok(Some("2".into())));
    }

    #[test]
    fn how_much_is_kept_is_a_number_within_bounds() {
        let check = |memory_mib| Config { memory_mib }.check();
        assert!(check(1).is_ok() && check(MEMORY_MIB_MAX).is_ok());
        assert!(check(0).unwrap_err().contains("memory_mib is 0"));
    }
}
