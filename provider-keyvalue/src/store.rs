//! What a backend must do.
//!
//! Every backend keeps the same semantics: a caller reads what it wrote; `increment` loses nothing
//! that it has answered; a value that was set is a number if it is written as one; a swap takes
//! place only if nobody wrote the key since.

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_protocol::standard::keyvalue::{self, KeyResponse, Number, Versioned};

use crate::bucket::{Bucket, BucketName};
use crate::number::Delta;

/// The most keys of a page.
pub(crate) const PAGE_KEYS_MAX: usize = 1000;
/// The most bytes of a page's keys: half of the smallest message that servers commonly take, which
/// leaves room for how JSON writes them.
pub(crate) const PAGE_BYTES_MAX: usize = 512 * 1024;
/// The version of a key that is not there, in stores that count versions.
pub(crate) const ABSENT: u64 = 0;

/// Hears of a key that was written.
pub(crate) type Tell = Box<dyn Fn(&BucketName, &str) + Send + Sync>;

/// A key-value store.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Opens a bucket, and makes it if it is missing and the link allows that.
    async fn open(&self, bucket: &Bucket) -> Result<(), Error>;
    /// Reads a value.
    async fn get(&self, bucket: &Bucket, key: &str) -> Result<Option<Bytes>, Error>;
    /// Writes a value.
    async fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> Result<(), Error>;
    /// Removes a key; one that is not there is no error.
    async fn delete(&self, bucket: &Bucket, key: &str) -> Result<(), Error>;
    /// Whether a key is there.
    async fn exists(&self, bucket: &Bucket, key: &str) -> Result<bool, Error>;
    /// A page of keys. A key that is there through the whole listing is listed at least once.
    async fn list_keys(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error>;
    /// Adds to a number and answers the sum; a key that is not there counts as 0.
    async fn increment(&self, bucket: &Bucket, key: &str, delta: Delta) -> Result<Number, Error>;
    /// Reads a value with what a swap must name.
    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Versioned, Error>;
    /// Writes a value if nobody wrote the key since it had that version.
    async fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        version: &str,
        value: Bytes,
    ) -> Result<Swapped, Error>;
    /// Takes who is told of each write that ended after its caller had dropped it. A store whose writes end
    /// with their callers has nothing to tell; one that was told before keeps to the first.
    fn tell_unheard(&self, _tell: Tell) {}
    /// Waits until nothing of it runs any more: no call is in it by then.
    async fn stop(&self) {}
}

/// What became of a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// It took place.
    Done,
    /// Somebody else wrote first: this stands there now.
    Failed(Versioned),
}

/// Why a store didn't do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// What the component may hear and act on: it travels as the interface's own error.
    Told(keyvalue::Error),
    /// The store is not there or has no room: the call fails.
    Failed(CallError),
}

impl Error {
    /// Whether a write that ended so may have taken place.
    pub(crate) fn may_have_written(&self) -> bool {
        match self {
            Self::Told(_) => false,
            Self::Failed(error) => error.executed != Executed::No,
        }
    }

    /// Something about the request itself, in one sentence.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Told(keyvalue::Error::Other(reason.into()))
    }

    /// There is no such bucket, and the link does not let it be made.
    pub(crate) fn no_such_store() -> Self {
        Self::Told(keyvalue::Error::NoSuchStore)
    }

    /// The link does not say what the caller may do.
    pub(crate) fn denied(reason: impl Into<String>) -> Self {
        Self::Failed(CallError::refused(ErrorCode::Denied, reason))
    }

    /// The store can't be reached, and certainly did nothing.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Failed(CallError::refused(ErrorCode::Unavailable, reason))
    }

    /// The store stopped answering: what was asked may have been done.
    pub(crate) fn lost(reason: impl Into<String>) -> Self {
        Self::Failed(CallError::begun(ErrorCode::Unavailable, reason))
    }

    /// Too much is waiting.
    pub(crate) fn overloaded(reason: impl Into<String>) -> Self {
        Self::Failed(CallError::refused(ErrorCode::Overloaded, reason))
    }
}

/// A counted version as it travels.
pub(crate) fn versioned(version: u64, value: Option<Bytes>) -> Versioned {
    Versioned {
        version: version.to_string(),
        value,
    }
}

/// The counted version that a caller names.
pub(crate) fn version(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(32).collect();
        Error::refused(format!(
            "{text:?} is no version of this store: use the one that cas.new answered"
        ))
    })
}
