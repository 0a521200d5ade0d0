//! When and how often to try again.
//!
//! The call's deadline is the outer bound: the kit drops the whole at it. Inside it every wait is
//! bounded too, so that a caller learns that the store is away rather than that time was short.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use lattice_protocol::error::{CallError, Executed};

use super::buckets::Buckets;
use super::entries::Entries;
use crate::bucket::Bucket;
use crate::store::Error;

/// How long the server may take for one answer: a hundred times what a loaded one needs.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How often a request is made: with the pauses between, a server that changes its leader or
/// restarts is waited for about a second.
const ATTEMPTS_MAX: u32 = 6;
/// The first pause; each next is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long all attempts take at the most.
#[cfg(test)]
pub(super) const TIME_MAX: Duration = ANSWER_TIME
    .saturating_mul(2 * ATTEMPTS_MAX)
    .saturating_add(PAUSE_MAX.saturating_mul(ATTEMPTS_MAX));

/// Why an attempt failed, as far as the next step differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Trying again won't help.
    Final(Error),
    /// Nobody was there to do it: it was certainly not done.
    Absent(Error),
    /// There was no answer: it may have been done.
    Silent(Error),
}

impl Fault {
    pub(super) fn absent(reason: impl Into<String>) -> Self {
        Self::Absent(Error::unavailable(reason))
    }

    pub(super) fn silent(reason: impl Into<String>) -> Self {
        Self::Silent(Error::lost(reason))
    }

    /// What the caller is told; an earlier attempt may have done what this one did not.
    fn into_error(self, maybe_done: bool) -> Error {
        let (Self::Final(error) | Self::Absent(error) | Self::Silent(error)) = self;
        match error {
            Error::Failed(error) if maybe_done => Error::Failed(CallError {
                executed: Executed::Maybe,
                ..error
            }),
            error => error,
        }
    }
}

/// Whether work that was not answered may be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Done twice is the same as done once.
    Always,
    /// Only what was certainly not done: a late repetition would undo what others wrote since.
    IfNotDone,
}

impl Repeat {
    fn allows(self, fault: &Fault) -> bool {
        match fault {
            Fault::Final(_) => false,
            Fault::Absent(_) => true,
            Fault::Silent(_) => self == Self::Always,
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
    repeated(buckets, bucket, work, Repeat::Always).await
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
    repeated(buckets, bucket, work, Repeat::IfNotDone).await
}

async fn repeated<T, W, F>(
    buckets: &Buckets,
    bucket: &Bucket,
    work: W,
    repeat: Repeat,
) -> Result<T, Error>
where
    W: Fn(Arc<Entries>) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    let mut attempt = 1;
    let mut maybe_done = false;
    loop {
        // Nothing of the work was begun while its bucket was not open.
        let (fault, repeat) = match within(buckets.get(bucket)).await {
            Err(fault) => (fault, Repeat::Always),
            Ok(entries) => match within(work(entries.clone())).await {
                Ok(value) => return Ok(value),
                Err(fault) => {
                    if matches!(fault, Fault::Absent(_)) {
                        buckets.evict(&bucket.name, &entries);
                    }
                    maybe_done |= matches!(fault, Fault::Silent(_));
                    (fault, repeat)
                }
            },
        };
        if attempt == ATTEMPTS_MAX || !repeat.allows(&fault) {
            return Err(fault.into_error(maybe_done));
        }
        tokio::time::sleep(pause(attempt, random())).await;
        attempt += 1;
    }
}

/// Bounds the wait for one answer.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(ANSWER_TIME, work)
        .await
        .unwrap_or_else(|_| Err(Fault::silent("the store does not answer")))
}

/// How long to wait after the given attempt. `random` spreads those who failed together: each
/// waits between half and all of it.
pub(super) fn pause(attempt: u32, random: u32) -> Duration {
    let doubled = PAUSE
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(PAUSE_MAX);
    doubled / 2 + (doubled / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// A number that differs between processes and calls; nothing secret hangs on it.
pub(super) fn random() -> u32 {
    // The standard library seeds each of these differently.
    (RandomState::new().hash_one(()) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_is_done_again() {
        let done_again = |fault: Fault| {
            (
                Repeat::Always.allows(&fault),
                Repeat::IfNotDone.allows(&fault),
            )
        };
        assert_eq!(
            done_again(Fault::Final(Error::refused("x"))),
            (false, false)
        );
        assert_eq!(done_again(Fault::absent("x")), (true, true));
        assert_eq!(done_again(Fault::silent("x")), (true, false));
    }

    #[test]
    fn a_failure_after_silence_does_not_say_that_nothing_was_done() {
        let told = |maybe_done| match Fault::absent("x").into_error(maybe_done) {
            Error::Failed(error) => error.executed,
            told => panic!("{told:?}"),
        };
        assert_eq!((told(false), told(true)), (Executed::No, Executed::Maybe));
    }

    #[test]
    fn pauses_grow_are_spread_and_have_an_end() {
        assert_eq!(pause(1, 0), PAUSE / 2);
        assert_eq!(pause(1, u32::MAX), PAUSE);
        assert_eq!(pause(3, u32::MAX), PAUSE * 4);
        assert_eq!(pause(u32::MAX, u32::MAX), PAUSE_MAX);
        assert_ne!(random(), random());
    }
}
