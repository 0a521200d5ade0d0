//! Components in the lattice itself: a JetStream object store, each under the hex of its sha256.

use std::time::Duration;

use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::StorageType;
use lattice_protocol::control::ArtifactSummary;
use lattice_protocol::digest::Digest;
use lattice_protocol::id::BytesId;
use lattice_protocol::subject;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::connect::Client;
use crate::replicas::chain;

mod record;

pub use record::{Record, Records, Stored};

/// The largest component that is stored or read: a bound on what a host buffers, far above the
/// largest known (a Python component is 18 MiB).
const COMPONENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Who pushes what is there already says so, unless it was stored just now: it may be declared next, and
/// must not be removed as unused before.
const TOUCH_AFTER: Duration = Duration::from_secs(1);
/// How that is said, with the time behind it.
const PUSHED_AGAIN: &str = "pushed again at ";
/// How often a change is tried that others forestall: each time one of them was let through, and those
/// who push find it done by then.
const TRIES_MAX: u32 = 32;

/// Why a component could not be stored or had.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Nobody pushed it.
    #[error("component {0} is not in the lattice: push it with `lattice push` or `lattice apply`")]
    NotFound(Digest),
    /// What is stored is not what its name says.
    #[error("component {wanted} has other bytes in the lattice ({found}): push it again")]
    Tampered {
        /// What was asked for.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// It is larger than any host takes.
    #[error("a component of {0} bytes is over the limit of {COMPONENT_BYTES_MAX}")]
    TooLarge(u64),
    /// The store can't be reached.
    #[error("failed to {what}: {reason}")]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        reason: String,
    },
}

impl ArtifactError {
    fn unavailable(what: &'static str, reason: impl ToString) -> Self {
        Self::Unavailable {
            what,
            reason: reason.to_string(),
        }
    }

    fn forestalled(what: &'static str) -> Self {
        let reason = format!("others changed it {TRIES_MAX} times meanwhile");
        Self::Unavailable { what, reason }
    }
}

/// A stored component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    /// What is told of it.
    pub summary: ArtifactSummary,
    /// How long ago it was stored or pushed again, if the store tells: by another's clock against this
    /// one's.
    pub age: Option<Duration>,
}

impl StoredArtifact {
    fn of(info: &object_store::ObjectInfo) -> Option<Self> {
        let digest = format!("sha256:{}", info.name).parse().ok()?;
        let again = info.description.as_ref().and_then(|told| {
            let time = told.strip_prefix(PUSHED_AGAIN)?;
            OffsetDateTime::parse(time, &Rfc3339).ok()
        });
        let latest = info.modified.max(again);
        let age = latest.map(|latest| OffsetDateTime::now_utc() - latest);
        Some(Self {
            summary: ArtifactSummary {
                digest,
                bytes: info.size as u64,
                stored: info
                    .modified
                    .and_then(|stored| stored.format(&Rfc3339).ok())
                    .unwrap_or_default(),
                used_by: Vec::new(),
            },
            // A clock that is behind makes it new, not old.
            age: age.map(|age| age.try_into().unwrap_or_default()),
        })
    }
}

/// The components of a lattice.
#[derive(Clone)]
pub struct Artifacts {
    records: Records,
}

impl Client {
    /// Opens the lattice's components, and makes the store if there is none yet.
    pub async fn artifacts(&self) -> Result<Artifacts, ArtifactError> {
        self.artifact_store().await?;
        let records = Records::open(self).await?;
        Ok(Artifacts { records })
    }

    async fn artifact_store(&self) -> Result<ObjectStore, ArtifactError> {
        let bucket = subject::artifact_bucket(&self.lattice);
        let name = subject::artifact_stream(&self.lattice);
        let jetstream = self.jetstream();
        if let Ok(store) = jetstream.get_object_store(&bucket).await {
            if let Ok(stream) = jetstream.get_stream(&name).await {
                self.raise_replicas(&stream).await;
            }
            return Ok(store);
        }
        let config = |replicas| object_store::Config {
            bucket: bucket.clone(),
            description: Some("the components of a lattice, by sha256".into()),
            storage: StorageType::File,
            num_replicas: replicas,
            ..object_store::Config::default()
        };
        let made = self
            .replicated(&name, |copies| {
                jetstream.create_object_store(config(copies.number))
            })
            .await;
        match made {
            Ok(store) => Ok(store),
            // Two hosts may get here at once, and the other one's is as good.
            Err(error) => jetstream.get_object_store(&bucket).await.map_err(|_| {
                ArtifactError::unavailable("create the store of components", chain(&error))
            }),
        }
    }
}

/// What became of bytes that were to be swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// They are gone.
    Removed,
    /// They stay: a record names them by now.
    Named,
    /// They stay: they don't say for which component they were stored, so somebody else did that.
    Foreign,
}

impl Artifacts {
    /// Stores a component unless it is there already, whole. Whoever removes it meanwhile has removed it
    /// before, and it is stored; or comes after, and finds it new.
    pub async fn push(&self, bytes: &[u8]) -> Result<Digest, ArtifactError> {
        let size = bytes.len() as u64;
        if size > COMPONENT_BYTES_MAX {
            return Err(ArtifactError::TooLarge(size));
        }
        let digest = Digest::of(bytes);
        for _ in 0..TRIES_MAX {
            let record = self.records.find(&digest).await?;
            let is_done = if !self.records.is_whole(&record, size).await? {
                self.records.put(&record, bytes).await?
            } else if record.age().is_some_and(|age| age < TOUCH_AFTER) {
                true
            } else {
                self.records.renew(&record).await?
            };
            if is_done {
                return Ok(digest);
            }
        }
        Err(ArtifactError::forestalled("store the component"))
    }

    /// The records alone, each step of a change by itself.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// A component's bytes, checked against their digest.
    pub async fn pull(&self, digest: &Digest) -> Result<Vec<u8>, ArtifactError> {
        let record = self.records.find(digest).await?;
        let bytes = self.records.read(&record, COMPONENT_BYTES_MAX).await?;
        let found = Digest::of(&bytes);
        if found != *digest {
            return Err(ArtifactError::Tampered {
                wanted: digest.clone(),
                found,
            });
        }
        Ok(bytes)
    }

    /// Every stored component.
    pub async fn list(&self) -> Result<Vec<StoredArtifact>, ArtifactError> {
        let records = self.records.all().await?;
        let stored = records.iter().filter_map(Record::stored);
        Ok(stored.filter_map(StoredArtifact::of).collect())
    }

    /// The size of a component, if it is stored.
    pub async fn size(&self, digest: &Digest) -> Result<Option<u64>, ArtifactError> {
        let record = self.records.find(digest).await?;
        Ok(record.stored().map(|info| info.size as u64))
    }

    /// Removes a component; whether it was there.
    pub async fn delete(&self, digest: &Digest) -> Result<bool, ArtifactError> {
        self.delete_older(digest, Duration::ZERO).await
    }

    /// Removes a component unless it was stored or pushed again within `age`, or that is not known;
    /// whether it was removed. One that is pushed while this looks stays.
    pub async fn delete_older(
        &self,
        digest: &Digest,
        age: Duration,
    ) -> Result<bool, ArtifactError> {
        for _ in 0..TRIES_MAX {
            let record = self.records.find(digest).await?;
            let is_old = age.is_zero() || record.age().is_some_and(|since| since >= age);
            if !record.is_stored() || !is_old {
                return Ok(false);
            }
            if self.records.bury(&record).await? {
                self.records.purge(&record).await?;
                return Ok(true);
            }
        }
        Err(ArtifactError::forestalled("remove the component"))
    }

    /// Removes bytes that no record names, if they are the lattice's own. A push that was about to name them
    /// begins again.
    pub async fn sweep(&self, id: &BytesId) -> Result<Swept, ArtifactError> {
        let Some(digest) = self.records.stored_for(id).await? else {
            return Ok(Swept::Foreign);
        };
        for _ in 0..TRIES_MAX {
            let record = self.records.find(&digest).await?;
            if record.named().as_ref() == Some(id) {
                return Ok(Swept::Named);
            }
            if self.records.forestall(&record, id).await? {
                self.records.purge_bytes(id).await?;
                return Ok(Swept::Removed);
            }
        }
        Err(ArtifactError::forestalled("remove bytes that nothing has"))
    }
}
