//! What must hold, whatever happens. One file each.

pub(super) mod counts;
mod epochs;
mod evidence;
mod fence;
mod gap;
mod parts;
mod picture;
pub(super) mod rollback;
pub(super) mod silence;
mod winner;

use lattice_config::state::head::Reading;
use lattice_config::state::{self, Key, Lease};
use lattice_protocol::id::HostId;

use super::super::ask::Ask;
use super::store::Store;

/// All that is looked at while time passes.
#[derive(Default)]
pub(super) struct Invariants {
    pub(super) winner: winner::Winner,
    pub(super) fence: fence::Fence,
    pub(super) epochs: epochs::Epochs,
    pub(super) evidence: evidence::Evidence,
    pub(super) silence: silence::Silence,
    pub(super) gap: gap::Gap,
    pub(super) parts: parts::Parts,
    pub(super) picture: picture::Picture,
    pub(super) rollback: rollback::Rollback,
}

impl Invariants {
    /// A host's write was taken.
    pub(super) fn written(&mut self, store: &Store, by: &HostId, ask: &Ask) {
        let Ask::Put { key, value, .. } = ask else {
            return;
        };
        match Key::read(key) {
            Some(Key::Assignment(_)) => self.parts.check(store),
            Some(Key::App(_)) => self.rollback.wrote(store, key),
            _ => {}
        }
        // Compare-and-swap keeps leaders apart within one store. Between two that count alike only the
        // epochs that hosts remember do.
        if store.counts_alike {
            return;
        }
        match Key::read(key) {
            Some(Key::Lease) => {
                let lease: Lease = state::decode(value).unwrap();
                self.epochs.leased(store.life, lease.epoch);
            }
            Some(Key::Assignment(_)) => {
                let epoch = Reading::begin(value).unwrap().epoch();
                self.winner.wrote(store.life, epoch, by);
                self.fence.wrote(store.life, key, epoch);
            }
            _ => {}
        }
    }
}
