//! Whether a guest is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the guest of a store is alive; clones share it. It is over before the store is dropped, so
/// that what goes with the store is told from what the guest let go of.
#[derive(Debug, Clone, Default)]
pub struct Life {
    over: Arc<AtomicBool>,
}

impl Life {
    /// From here on nothing that ends was ended by the guest.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}
