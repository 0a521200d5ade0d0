//! What an actor does beside being called: the calls it makes, and its instances.

use std::sync::atomic::{AtomicU64, Ordering};

use lattice_protocol::error::ErrorCode;

use super::{Errors, Samples, Ways, family};
use crate::Way;

/// Counts of one actor, over all its revisions.
#[derive(Debug, Default)]
pub struct ActorCounts {
    ways: Ways,
    errors: Errors,
    made: AtomicU64,
    reused: AtomicU64,
}

impl ActorCounts {
    /// Counts a call through a link that has ended; one that went nowhere has no way.
    pub fn called(&self, way: Option<Way>, error: Option<ErrorCode>) {
        if let Some(way) = way {
            self.ways.add(way);
        }
        if let Some(code) = error {
            self.errors.add(code);
        }
    }

    /// Counts an instance that was made.
    pub fn made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that got an instance which had served others.
    pub fn reused(&self) {
        self.reused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn samples(&self, to: &mut Samples, actor: &str) {
        let own = [("actor", actor)];
        self.ways.samples(to, &family::LINK_CALLS, &own);
        self.errors.samples(to, &family::LINK_ERRORS, &own);
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        to.number(&family::INSTANCES_MADE, &own, read(&self.made));
        to.number(&family::INSTANCES_REUSED, &own, read(&self.reused));
    }
}
