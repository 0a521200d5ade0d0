//! When something moved last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lattice_protocol::call::DEADLINE_MAX;

/// When a call, or one of its streams, moved last; clones share it.
///
/// A call whose streams move is not late, however long it takes: what ends it is silence.
#[derive(Debug, Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    begun: Instant,
    /// Nanoseconds after `begun`.
    moved: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self::since(Instant::now())
    }
}

impl Progress {
    /// Nothing has moved since `begun`.
    pub fn since(begun: Instant) -> Self {
        Self {
            shared: Arc::new(Shared {
                begun,
                moved: AtomicU64::new(0),
            }),
        }
    }

    /// Something moved now.
    pub fn touch(&self) {
        let nanos = self.shared.begun.elapsed().as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.shared.moved.fetch_max(nanos, Ordering::Relaxed);
    }

    /// When something moved last, if anything has; no later than the longest deadline allows.
    pub fn moved(&self) -> Option<Instant> {
        match self.shared.moved.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(self.shared.begun + Duration::from_nanos(nanos).min(DEADLINE_MAX)),
        }
    }

    /// When silence will have lasted for `patience`; never later than the longest deadline after the
    /// beginning.
    pub fn deadline(&self, patience: Duration) -> Instant {
        let moved = Duration::from_nanos(self.shared.moved.load(Ordering::Relaxed));
        self.shared.begun + moved.saturating_add(patience).min(DEADLINE_MAX)
    }

    /// Returns when nothing has moved for `patience`.
    pub async fn silence(&self, patience: Duration) {
        loop {
            let deadline = self.deadline(patience);
            tokio::time::sleep_until(deadline.into()).await;
            if self.deadline(patience) <= deadline {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_has_its_whole_time_anew_but_not_for_ever() {
        let progress = Progress::default();
        let patience = Duration::from_secs(5);
        let before = progress.deadline(patience);
        while progress.deadline(patience) == before {
            progress.touch();
        }
        assert!(progress.deadline(patience) > before);
        let longest = progress.deadline(DEADLINE_MAX * 2);
        assert_eq!(longest, progress.shared.begun + DEADLINE_MAX);
    }
}
