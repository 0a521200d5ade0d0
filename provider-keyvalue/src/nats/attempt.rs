//! Trying again, in a bucket's stream.

use std::sync::Arc;
use std::time::Duration;

use super::buckets::Buckets;
use super::entries::Entries;
use crate::attempt::{self, Source};
pub(super) use crate::attempt::{Fault, pause, random};
use crate::bucket::Bucket;
use crate::store::Error;

/// How long the server may take for one answer: a hundred times what a loaded one needs.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long all attempts take at the most.
#[cfg(test)]
pub(super) const TIME_MAX: Duration = ANSWER_TIME
    .saturating_mul(2 * attempt::ATTEMPTS_MAX)
    .saturating_add(attempt::PAUSE_MAX.saturating_mul(attempt::ATTEMPTS_MAX));

/// The stream of one bucket.
struct Streams<'a> {
    buckets: &'a Buckets,
    bucket: &'a Bucket,
}

impl Source for Streams<'_> {
    type Place = Arc<Entries>;

    fn answer_time(&self) -> Duration {
        ANSWER_TIME
    }

    /// As long as the attempts take: a server that restarts is worth the wait, and the call's own
    /// deadline bounds it.
    fn patience(&self) -> Duration {
        Duration::MAX
    }

    async fn get(&self) -> Result<Arc<Entries>, Fault> {
        self.buckets.get(self.bucket).await
    }

    fn failed(&self, entries: &Arc<Entries>, fault: &Fault) {
        if matches!(fault, Fault::Absent(_)) {
            self.buckets.evict(&self.bucket.name, entries);
        }
    }
}

/// Does what is the same done once or many times: a read, or a write that the server knows again.
pub(super) async fn idempotent<T, W, F>(
    buckets: &Buckets,
    bucket: &Bucket,
    work: W,
) -> Result<T, Error>
where
    W: Fn(Arc<Entries>) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    attempt::idempotent(&Streams { buckets, bucket }, work).await
}

/// Does what must not be done twice.
pub(super) async fn at_most_once<T, W, F>(
    buckets: &Buckets,
    bucket: &Bucket,
    work: W,
) -> Result<T, Error>
where
    W: Fn(Arc<Entries>) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    attempt::at_most_once(&Streams { buckets, bucket }, work).await
}
