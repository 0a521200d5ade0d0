//! A pause that doubles each time that it is taken.

use std::time::{Duration, Instant};

/// Until when something is left alone.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    longest: Duration,
    until: Option<Instant>,
}

impl Pause {
    /// None yet; the first is `shortest`.
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            next: shortest,
            longest,
            until: None,
        }
    }

    /// Whether there is none now.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    /// Begins one; that after it is twice as long.
    pub(super) fn begin(&mut self, now: Instant) {
        self.until = Some(now + self.next);
        self.next = (self.next * 2).min(self.longest);
    }
}
