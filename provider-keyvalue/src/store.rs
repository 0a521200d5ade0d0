//! What a backend must do.
//!
//! Every backend keeps the same semantics: a caller reads what it wrote; `increment` loses nothing
//! that it has answered; a value that was set is a number if it is written as one.

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::keyvalue::{self, KeyResponse};

use crate::bucket::Bucket;

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
    async fn increment(&self, bucket: &Bucket, key: &str, delta: u64) -> Result<u64, Error>;
    /// Waits until nothing of it runs any more: no call is in it by then.
    async fn stop(&self) {}
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
    /// Something about the request itself, in one sentence.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Told(keyvalue::Error::Other(reason.into()))
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
