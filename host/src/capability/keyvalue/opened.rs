//! Buckets that were there a moment ago.
//!
//! Components open their buckets anew in each call. Whoever answers an operation looks for its bucket
//! then, and says if there is none; so one that was just opened is not asked for again, which spares
//! a call that reads one value half of its way to the provider.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a bucket is taken to be there: short, as that is all that `open` says of it, and long beside
/// the calls of an actor that is busy.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// How many are remembered for an actor: most have one.
const BUCKETS_MAX: usize = 64;

/// The buckets that one revision of an actor opened last.
#[derive(Debug, Default)]
pub struct Opened(Mutex<BTreeMap<String, Instant>>);

impl Opened {
    /// Whether that bucket was there a moment ago.
    pub(super) fn knows(&self, identifier: &str) -> bool {
        self.knows_at(identifier, Instant::now())
    }

    /// It was opened.
    pub(super) fn learn(&self, identifier: &str) {
        self.learn_at(identifier, Instant::now());
    }

    /// An operation on it was answered with an error: the next who opens it should hear why. One that was
    /// not answered in time says nothing of the bucket.
    pub(super) fn forget(&self, identifier: &str) {
        self.lock().remove(identifier);
    }

    fn knows_at(&self, identifier: &str, now: Instant) -> bool {
        let buckets = self.lock();
        buckets.get(identifier).is_some_and(|at| fresh(*at, now))
    }

    fn learn_at(&self, identifier: &str, now: Instant) {
        let mut buckets = self.lock();
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, at| fresh(*at, now));
        }
        if buckets.len() < BUCKETS_MAX {
            buckets.insert(identifier.to_owned(), now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        // Nothing panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < TRUSTED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_trusted_for_a_moment_after_it_was_opened() {
        let (opened, now) = (Opened::default(), Instant::now());
        assert!(!opened.knows_at("counts", now));
        opened.learn_at("counts", now);
        let almost = now + TRUSTED_FOR - Duration::from_millis(1);
        assert!(opened.knows_at("counts", almost));
        assert!(!opened.knows_at("others", almost));
        assert!(!opened.knows_at("counts", now + TRUSTED_FOR));
    }

    #[test]
    fn one_whose_operation_failed_is_asked_for_again() {
        let opened = Opened::default();
        opened.learn("counts");
        opened.learn("others");
        opened.forget("counts");
        assert!(!opened.knows("counts"));
        assert!(opened.knows("others"));
    }

    #[test]
    fn no_more_are_remembered_than_may_be_and_old_ones_make_room() {
        let (opened, now) = (Opened::default(), Instant::now());
        for at in 0..=BUCKETS_MAX {
            opened.learn_at(&at.to_string(), now);
        }
        assert_eq!(opened.lock().len(), BUCKETS_MAX);
        assert!(!opened.knows_at(&BUCKETS_MAX.to_string(), now));
        let later = now + TRUSTED_FOR;
        opened.learn_at("late", later);
        assert_eq!(opened.lock().len(), 1);
        assert!(opened.knows_at("late", later));
    }
}
