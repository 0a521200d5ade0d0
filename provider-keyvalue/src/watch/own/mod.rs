//! The writes of this process, for stores that tell of none.
//!
//! What is remembered is which keys were written, not what: a key's state is read when it is its
//! turn. So of two writes at once it doesn't matter which is remembered first, and a key that is
//! written often waits once.
//!
//! A write is told once it has ended, and its end is known here: by the future that asked for it; and
//! where that was dropped while the store went on, by the store ([`Store::tell_unheard`]). So what is told
//! last is what stands there.
//!
//! - here: the store, whose every write is followed to its end;
//! - `listeners`: who wants to hear of which bucket;
//! - `queue`: the keys that wait for one of them.

mod listeners;
mod queue;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::standard::keyvalue::{KeyResponse, Number, Versioned};

use self::listeners::Listeners;
use self::queue::Queue;
use super::{Change, Changes, Observable, Watch};
use crate::bucket::{Bucket, BucketName};
use crate::number::Delta;
use crate::store::{Error, Store, Swapped};

/// A store whose writes through this process are told.
pub(crate) struct OwnWrites<S> {
    store: Arc<S>,
    listeners: Arc<Listeners>,
}

impl<S: Store> OwnWrites<S> {
    pub(crate) fn new(store: S) -> Self {
        let listeners = Arc::<Listeners>::default();
        let told = listeners.clone();
        store.tell_unheard(Box::new(move |bucket, key| told.tell(bucket, key)));
        Self {
            store: Arc::new(store),
            listeners,
        }
    }

    fn mark<'a>(&'a self, bucket: &'a Bucket, key: &'a str) -> Mark<'a> {
        Mark {
            listeners: &self.listeners,
            bucket: &bucket.name,
            key,
            changed: true,
        }
    }
}

/// A write that is under way. It counts as done unless it certainly was not: also when its caller
/// gave it up, for it may have been done by then.
struct Mark<'a> {
    listeners: &'a Listeners,
    bucket: &'a BucketName,
    key: &'a str,
    changed: bool,
}

impl Mark<'_> {
    fn settle<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.changed = match &result {
            Ok(_) => true,
            Err(error) => error.may_have_written(),
        };
        result
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.listeners.tell(self.bucket, self.key);
        }
    }
}

impl<S: Store + 'static> Observable for OwnWrites<S> {
    fn changes(&self, watch: &Watch) -> Box<dyn Changes> {
        let queue = Arc::new(Queue::new(&watch.prefix));
        self.listeners.add(&watch.bucket.name, queue.clone());
        Box::new(OwnChanges {
            store: self.store.clone(),
            listeners: self.listeners.clone(),
            bucket: watch.bucket.clone(),
            queue,
        })
    }
}

/// The keys of one bucket that were written here.
struct OwnChanges<S> {
    store: Arc<S>,
    listeners: Arc<Listeners>,
    bucket: Bucket,
    queue: Arc<Queue>,
}

#[async_trait]
impl<S: Store> Changes for OwnChanges<S> {
    async fn next(&mut self) -> Result<Change, Error> {
        let key = loop {
            match self.queue.pop() {
                Some(key) => break key,
                None => self.queue.came().await,
            }
        };
        match self.store.get(&self.bucket, &key).await {
            Ok(value) => Ok(Change {
                key: key.to_string(),
                value,
            }),
            Err(error) => {
                self.queue.push(&key);
                Err(error)
            }
        }
    }
}

impl<S> Drop for OwnChanges<S> {
    fn drop(&mut self) {
        self.listeners.remove(&self.bucket.name, &self.queue);
    }
}

#[async_trait]
impl<S: Store> Store for OwnWrites<S> {
    async fn open(&self, bucket: &Bucket) -> Result<(), Error> {
        self.store.open(bucket).await
    }

    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error> {
        self.store.get(bucket, key).await
    }

    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error> {
        let mark = self.mark(bucket, key);
        mark.settle(self.store.set(bucket, key, value).await)
    }

    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error> {
        let mark = self.mark(bucket, key);
        mark.settle(self.store.delete(bucket, key).await)
    }

    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error> {
        self.store.exists(bucket, key).await
    }

    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        self.store.list_keys(bucket, cursor).await
    }

    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error> {
        let mark = self.mark(bucket, key);
        mark.settle(self.store.increment(bucket, key, delta).await)
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error> {
        self.store.read(bucket, key).await
    }

    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &str,
        value: Bytes,
    ) -> Result<Swapped, Error> {
        let mut mark = self.mark(bucket, key);
        let swapped = self.store.swap(bucket, key, version, value).await;
        if let Ok(Swapped::Failed(_)) = swapped {
            mark.changed = false;
            return swapped;
        }
        mark.settle(swapped)
    }

    async fn stop(&self) {
        self.store.stop().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::memory::{self, Memory};

    struct Watched {
        store: OwnWrites<Memory>,
        bucket: Bucket,
        changes: Box<dyn Changes>,
    }

    fn watched(prefix: &str) -> Watched {
        let store = OwnWrites::new(Memory::new(&memory::Config::default()));
        let bucket = Bucket::of(None, "b").unwrap();
        let changes = store.changes(&Watch {
            actor: "a".parse().unwrap(),
            link: "default".parse().unwrap(),
            bucket: bucket.clone(),
            prefix: prefix.to_owned(),
        });
        Watched {
            store,
            bucket,
            changes,
        }
    }

    impl Watched {
        async fn set(&self, key: &str, value: &'static str) {
            let value = Bytes::from_static(value.as_bytes());
            self.store.set(&self.bucket, key, value).await.unwrap();
        }

        /// Everything that waits, as `key=value` or `key-`.
        fn told(&mut self) -> Vec<String> {
            let mut told = Vec::new();
            while let Some(change) = self.changes.next().now_or_never() {
                let Change { key, value } = change.unwrap();
                told.push(match value {
                    Some(value) => format!("{key}={}", String::from_utf8_lossy(&value)),
                    None => format!("{key}-"),
                });
            }
            told
        }
    }

    #[tokio::test]
    async fn a_key_is_told_once_with_what_it_is_now() {
        let mut watched = watched("");
        watched.set("x", "1").await;
        watched.set("y", "1").await;
        watched.set("x", "2").await;
        let one = Delta::new(1u64.into(), false).unwrap();
        let (store, bucket) = (&watched.store, &watched.bucket);
        store.increment(bucket, "n", one).await.unwrap();
        store.delete(bucket, "y").await.unwrap();
        assert_eq!(watched.told(), ["x=2", "y-", "n=1"]);
        assert!(watched.told().is_empty());
        watched.set("x", "3").await;
        assert_eq!(watched.told(), ["x=3"]);
    }

    #[tokio::test]
    async fn only_writes_that_took_place_are_told_and_only_of_the_keys_that_are_wanted() {
        let mut watched = watched("user/");
        watched.set("other", "1").await;
        let (store, bucket) = (&watched.store, &watched.bucket);
        let swapped = store.swap(bucket, "user/1", "7", "x".into()).await;
        assert!(matches!(swapped, Ok(Swapped::Failed(_))));
        store.get(bucket, "user/1").await.unwrap();
        let elsewhere = Bucket::of(None, "c").unwrap();
        store.set(&elsewhere, "user/1", "x".into()).await.unwrap();
        assert!(watched.told().is_empty());
        watched.set("user/1", "2").await;
        assert_eq!(watched.told(), ["user/1=2"]);
    }

    #[tokio::test]
    async fn a_watch_that_is_let_go_is_not_remembered() {
        let watched = watched("");
        watched.set("x", "1").await;
        let Watched { store, changes, .. } = watched;
        drop(changes);
        assert!(store.listeners.is_empty());
    }
}
