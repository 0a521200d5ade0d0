//! How compilations went.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lattice_telemetry::metrics::Histogram;

/// Counts of compilations, cheap enough to be kept always.
#[derive(Debug, Default)]
pub struct Compiled {
    took: Histogram,
    errors: AtomicU64,
}

impl Compiled {
    /// Counts one.
    pub fn record<T, E>(&self, took: Duration, result: &Result<T, E>) {
        self.took.record(took);
        if result.is_err() {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How long they took.
    pub fn took(&self) -> &Histogram {
        &self.took
    }

    /// How many failed.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }
}
