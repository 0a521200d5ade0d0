//! What a key and a value may be: the same for every backend, so that changing it changes nothing
//! for an actor.

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};

use crate::bucket::Bucket;
use crate::number::Delta;
use crate::store::{Error, Store, Swapped};
use crate::watch::{Changes, Observable, Watch};

/// The longest key: as JetStream spells it, three bytes for one at the worst, it stays below the
/// 4 KiB that a NATS server takes for a protocol line.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// What a message holds beside a value: headers, and the frame of the reply that returns it.
const VALUE_ROOM: usize = 1024;

/// A store that is asked only for what is within the limits.
pub(crate) struct Limited<S> {
    store: S,
    value_max: usize,
}

impl<S: Store> Limited<S> {
    /// `message_max` is what one message of the lattice's NATS holds.
    pub(crate) fn new(store: S, message_max: usize) -> Self {
        Self {
            store,
            value_max: message_max.saturating_sub(VALUE_ROOM),
        }
    }

    fn check_value(&self, value: &Bytes) -> Result<(), Error> {
        match value.len() {
            len if len > self.value_max => Err(Error::refused(format!(
                "the value has {len} bytes: at most {} are taken, as one NATS message holds; raise \
                 max_payload of the NATS server",
                self.value_max
            ))),
            _ => Ok(()),
        }
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    match key.len() {
        len if len > KEY_BYTES_MAX => Err(Error::refused(format!(
            "the key has {len} bytes: at most {KEY_BYTES_MAX} are taken"
        ))),
        _ => Ok(()),
    }
}

impl<S: Observable> Observable for Limited<S> {
    fn changes(&self, watch: &Watch) -> Box<dyn Changes> {
        self.store.changes(watch)
    }
}

#[async_trait]
impl<S: Store> Store for Limited<S> {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        self.store.open(bucket).await
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        check_key(key)?;
        self.store.get(bucket, key).await
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        check_key(key)?;
        self.check_value(&value)?;
        self.store.set(bucket, key, value).await
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        check_key(key)?;
        self.store.delete(bucket, key).await
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        check_key(key)?;
        self.store.exists(bucket, key).await
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        self.store.list_keys(bucket, cursor).await
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        check_key(key)?;
        self.store.increment(bucket, key, delta).await
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        check_key(key)?;
        self.store.read(bucket, key).await
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        check_key(key)?;
        self.check_value(&value)?;
        self.store.swap(bucket, key, version, value).await
    }

    async fn stop(&self) {
        self.store.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, Memory};

    #[tokio::test]
    async fn what_is_within_the_limits_is_taken_and_what_is_past_them_is_told() {
        let store = Limited::new(Memory::new(&memory::Config::default()), 2 * VALUE_ROOM);
        let bucket = Bucket::of(None, "b").unwrap();
        let key = "k".repeat(KEY_BYTES_MAX);
        let value = Bytes::from(vec![0; VALUE_ROOM]);
        store.set(&bucket, &key, value.clone()).await.unwrap();
        assert_eq!(store.get(&bucket, &key).await, Ok(Some(value)));

        let told = |error: Error| match error {
            Error::Told(error) => error.to_string(),
            failed => panic!("{failed:?}"),
        };
        let long = format!("{key}k");
        let refused = store.get(&bucket, &long).await.unwrap_err();
        assert!(told(refused).contains("1025 bytes: at most 1024"));
        let large = Bytes::from(vec![0; VALUE_ROOM + 1]);
        let refused = store.set(&bucket, "k", large.clone()).await.unwrap_err();
        assert!(told(refused).contains("1025 bytes: at most 1024"));
        assert!(store.swap(&bucket, "k", "0", large).await.is_err());
    }
}
