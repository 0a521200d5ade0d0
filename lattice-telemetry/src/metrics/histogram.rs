//! How long things take, as counts between fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds, in nanoseconds: from a call that goes straight in to one with an hour's work, in
/// the steps 1, 2.5, 5 that a quantile can be read from.
pub const BOUNDS_NS: [u64; 20] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    60_000_000_000,
];
const BUCKETS: usize = BOUNDS_NS.len() + 1;

/// Counts of durations; recording one is two atomic additions.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// Wraps after 584 years of calls.
    sum_ns: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// How many fell between each bound and the one before; the last are above all bounds.
    pub buckets: [u64; BUCKETS],
    /// All of them together.
    pub sum_ns: u64,
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < ns);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            buckets: std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed)),
            sum_ns: self.sum_ns.load(Ordering::Relaxed),
        }
    }
}

impl Snapshot {
    /// How many there are: by the buckets, so that the text is never at odds with itself.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The bounds in seconds.
pub(crate) fn bounds_s() -> impl Iterator<Item = f64> {
    // Far below the 2^53 up to which a float is exact.
    BOUNDS_NS.iter().map(|ns| *ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_at_or_below_its_bound() {
        let histogram = Histogram::default();
        for ns in [0, 10_000, 10_001, 60_000_000_000, 60_000_000_001] {
            histogram.record(Duration::from_nanos(ns));
        }
        histogram.record(Duration::MAX);
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.buckets[0], 2);
        assert_eq!(snapshot.buckets[1], 1);
        assert_eq!(snapshot.buckets[BUCKETS - 2], 1);
        assert_eq!(snapshot.buckets[BUCKETS - 1], 2);
        assert_eq!(snapshot.count(), 6);
    }

    #[test]
    fn bounds_grow() {
        assert!(BOUNDS_NS.is_sorted_by(|a, b| a < b));
    }
}
