//! Nothing that runs is stopped without positive evidence: the state knew its app a moment ago.

use std::collections::BTreeMap;

use lattice_protocol::id::{ActorName, AppName, HostId};

use super::super::apps;
use super::super::store::Store;

/// How long an answer of the state may be on its way, in the worst weather, and the rest of the apps
/// be asked about after it.
const MOMENT_MS: u64 = 12_000;

#[derive(Default)]
pub(in super::super) struct Evidence {
    /// When the state did not know an app any more, or `None` while it knows it.
    known_until: BTreeMap<AppName, Option<u64>>,
}

impl Evidence {
    /// The store has changed.
    pub(in super::super) fn knows(&mut self, store: &Store, now: u64) {
        for (app, key) in apps::every_key() {
            if store.knows(&key) {
                self.known_until.insert(app, None);
            } else if let Some(until @ None) = self.known_until.get_mut(&app) {
                *until = Some(now);
            }
        }
    }

    pub(in super::super) fn stopped(
        &self,
        host: &HostId,
        actor: &ActorName,
        app: &AppName,
        now: u64,
    ) {
        let is_known = match self.known_until.get(app) {
            None => false,
            Some(None) => true,
            Some(Some(until)) => now - until <= MOMENT_MS,
        };
        assert!(
            is_known,
            "{host} stopped {actor}: the state does not know {app}"
        );
    }
}
