//! A bucket's stream: its name, its settings, and the ones in use.
//!
//! A bucket is a JetStream key-value bucket that any KV client can read. Its name begins with `kv_`
//! and the names of lattice and provider, which hold no `_`: so it is no other provider's, and never
//! the lattice's own state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{self, DiscardPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use lattice_client::Copies;
use lattice_protocol::id::{LatticeId, ProviderName};
use provider_sdk::Client;

use super::attempt::Fault;
use super::entries::Entries;
use super::handles::{Handle, Handles};
use super::{Config, Storage};
use crate::bucket::{Bucket, BucketName};
use crate::store::Error;

/// For how long the server knows a write by its id: longer than a write is tried again and settled,
/// short because the server keeps each id in memory meanwhile.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(60);

/// The buckets of one provider.
pub(super) struct Buckets {
    client: Client,
    jetstream: Context,
    lattice: LatticeId,
    provider: ProviderName,
    config: Config,
    used: Mutex<Handles<Arc<Entries>>>,
}

impl Buckets {
    pub(super) fn new(client: &Client, provider: &ProviderName, config: Config) -> Self {
        Self {
            client: client.clone(),
            jetstream: client.jetstream(),
            lattice: client.lattice().clone(),
            provider: provider.clone(),
            config,
            used: Mutex::default(),
        }
    }

    /// The entries of a bucket, which is opened, and made if that is allowed, on first use.
    pub(super) async fn get(&self, bucket: &Bucket) -> Result<Arc<Entries>, Fault> {
        let handle = self.handle(&bucket.name)?;
        match handle.get_or_try_init(|| self.open(bucket)).await {
            Ok(entries) => Ok(entries.clone()),
            Err(fault) => {
                self.lock().forget(&bucket.name, |known| {
                    Arc::ptr_eq(known, &handle) && !known.initialized()
                });
                Err(fault)
            }
        }
    }

    /// Forgets a bucket whose stream is gone: the next use looks for it again.
    pub(super) fn evict(&self, name: &BucketName, gone: &Arc<Entries>) {
        self.lock().forget(name, |known| {
            known.get().is_some_and(|known| Arc::ptr_eq(known, gone))
        });
    }

    fn handle(&self, name: &BucketName) -> Result<Handle<Arc<Entries>>, Fault> {
        self.lock().of(name).ok_or_else(|| {
            let message = format!("bucket {name} can't be opened: too many others are just opened");
            Fault::Final(Error::overloaded(message))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Handles<Arc<Entries>>> {
        // Nothing panics while it is held, and a map is whole at every moment anyway.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, bucket: &Bucket) -> Result<Arc<Entries>, Fault> {
        let name = stored_name(&self.lattice, &self.provider, &bucket.name);
        let stream = match self.find(&name).await? {
            Some(stream) => stream,
            None if bucket.create => self.create(&name).await?,
            None => return Err(Fault::Final(Error::no_such_store())),
        };
        // Settings that name a number are the last word.
        if self.config.replicas.is_none() {
            self.client.raise_later(&stream);
        }
        let history = stream.cached_info().config.max_messages_per_subject;
        if history != 1 {
            let message = format!(
                "JetStream bucket {name} keeps {history} values of each key: set its history to 1"
            );
            return Err(Fault::Final(Error::unavailable(message)));
        }
        Ok(Arc::new(Entries::new(
            self.jetstream.clone(),
            stream,
            &name,
        )))
    }

    async fn find(&self, name: &str) -> Result<Option<Stream>, Fault> {
        match self.jetstream.get_stream(format!("KV_{name}")).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(inner)
                    if inner.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(Fault::absent(format!(
                    "failed to open JetStream bucket {name}: {error}"
                ))),
            },
        }
    }

    /// Two providers may get here at once: creating what is there with the same settings is no
    /// error, and with others it is found at the next attempt.
    async fn create(&self, name: &str) -> Result<Stream, Fault> {
        let made = make(self.client.clone(), name.to_owned(), self.config.clone());
        // A task of its own: where the servers of a cluster are waited for, that may take longer than the
        // call that needs the bucket, and the next one finds it.
        let made = tokio::spawn(made).await;
        let made = made.map_err(|error| {
            Fault::absent(format!("failed to create JetStream bucket {name}: {error}"))
        })?;
        made.map_err(|error| {
            let message = format!("failed to create JetStream bucket {name}: {error}");
            match error.kind() {
                CreateStreamErrorKind::JetStream(inner)
                    if inner.error_code() != ErrorCode::STREAM_NAME_EXIST =>
                {
                    Fault::Final(Error::unavailable(message))
                }
                _ => Fault::absent(message),
            }
        })
    }
}

/// Makes a bucket on as many servers as its provider's config says, else as the lattice's own stores are
/// kept on: three of a cluster.
async fn make(client: Client, name: String, config: Config) -> Result<Stream, CreateStreamError> {
    let jetstream = client.jetstream();
    let make = |copies| jetstream.create_stream(settings(&name, config.storage, copies));
    match config.replicas {
        Some(replicas) => {
            let copies = Copies {
                number: replicas.into(),
                may_grow: false,
            };
            make(copies).await
        }
        None => client.replicated(&format!("KV_{name}"), make).await,
    }
}

/// What JetStream calls a bucket.
fn stored_name(lattice: &LatticeId, provider: &ProviderName, bucket: &BucketName) -> String {
    format!("kv_{lattice}_{provider}_{bucket}")
}

fn settings(name: &str, storage: Storage, copies: Copies) -> stream::Config {
    stream::Config {
        name: format!("KV_{name}"),
        description: Some("a bucket of a lattice's key-value provider".into()),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        // Any replica answers a direct read, and may be behind what the caller wrote: with more
        // than one, now or later, only the leader is asked.
        allow_direct: copies.number == 1 && !copies.may_grow,
        allow_message_ttl: true,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: copies.number,
        storage: match storage {
            Storage::File => StorageType::File,
            Storage::Memory => StorageType::Memory,
        },
        ..stream::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::subject;

    use super::*;

    #[test]
    fn no_two_buckets_share_a_name_and_none_has_the_lattices() {
        let name = |lattice: &str, provider: &str, bucket: &str| {
            let lattice: LatticeId = lattice.parse().unwrap();
            let name = stored_name(
                &lattice,
                &provider.parse().unwrap(),
                &bucket.parse().unwrap(),
            );
            assert_ne!(name, subject::state_bucket(&lattice));
            assert_ne!(name, subject::artifact_bucket(&lattice));
            name
        };
        assert_eq!(name("default", "kv", "counts"), "kv_default_kv_counts");
        assert_ne!(name("a", "b-c", "d"), name("a-b", "c", "d"));
        assert_ne!(name("a", "b", "c_d"), name("a", "b", "c-d"));
    }

    #[test]
    fn the_longest_name_is_one_that_jetstream_takes() {
        let (lattice, provider) = ("a".repeat(63), "b".repeat(63));
        let bucket = "c".repeat(crate::bucket::NAME_LEN_MAX);
        let name = stored_name(
            &lattice.parse().unwrap(),
            &provider.parse().unwrap(),
            &bucket.parse().unwrap(),
        );
        let copies = Copies {
            number: 1,
            may_grow: false,
        };
        assert!(settings(&name, Storage::File, copies).name.len() <= 255);
    }

    #[test]
    fn a_write_is_known_again_for_as_long_as_it_is_tried() {
        assert!(DUPLICATE_WINDOW > super::super::attempt::TIME_MAX);
    }

    #[test]
    fn a_replicated_bucket_is_read_from_its_leader() {
        let is_direct = |number, may_grow| {
            settings("x", Storage::File, Copies { number, may_grow }).allow_direct
        };
        assert!(is_direct(1, false));
        assert!(!is_direct(1, true));
        assert!(!is_direct(3, false));
    }
}
