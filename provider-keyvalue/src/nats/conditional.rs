//! Writes that take place only if nobody else wrote first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use uuid::Uuid;

use super::attempt;
use super::buckets::Buckets;
use super::entries::{Entries, Write, Written};
use crate::bucket::Bucket;
use crate::store::{Error, Swapped, versioned};

/// Sends one write until it is known what became of it: it takes place once at the most, for each
/// sending expects the same revision.
pub(super) async fn write(
    buckets: &Buckets,
    bucket: &Bucket,
    key: &str,
    write: &Write,
) -> Result<Written, Error> {
    let sendings = AtomicU32::new(0);
    let send = |entries: Arc<Entries>| {
        let again = sendings.fetch_add(1, Ordering::Relaxed) > 0;
        async move {
            match entries.write(key, write).await? {
                Written::Conflict if again => entries.settle(write).await,
                written => Ok(written),
            }
        }
    };
    attempt::idempotent(buckets, bucket, send).await
}

/// Writes a value where `revision` stands; says what stands there if it is another.
pub(super) async fn swap(
    buckets: &Buckets,
    bucket: &Bucket,
    key: &str,
    revision: u64,
    value: Bytes,
) -> Result<Swapped, Error> {
    let swap = Write {
        id: Uuid::now_v7(),
        expected: revision,
        value,
        ttl: bucket.ttl,
    };
    match write(buckets, bucket, key, &swap).await? {
        Written::Revision(_) => Ok(Swapped::Done),
        Written::Conflict => {
            let read = |entries: Arc<Entries>| async move { entries.read(key).await };
            let now = attempt::idempotent(buckets, bucket, read).await?;
            Ok(Swapped::Failed(versioned(now.revision, now.value)))
        }
    }
}
