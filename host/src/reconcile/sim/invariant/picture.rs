//! What is known for sure of a host is what it said, whole: what was missed is never taken for what is
//! not there.

use std::collections::BTreeMap;

use lattice_protocol::id::{ActorName, HostId, ProcessId};
use lattice_protocol::report::ActorReport;

use crate::heartbeat::telling::Telling;
use crate::peers::View;

#[derive(Default)]
pub(in super::super) struct Picture {
    told: BTreeMap<(HostId, ProcessId, u64), BTreeMap<ActorName, ActorReport>>,
    /// How often something was missing.
    pub(in super::super) gaps: usize,
}

impl Picture {
    /// A host has said how it stands.
    pub(in super::super) fn told(&mut self, host: &HostId, telling: &Telling) {
        let (process, sequence, actors) = telling.told_so_far();
        let at = (host.clone(), process.clone(), sequence);
        self.told.entry(at).or_insert_with(|| actors.clone());
    }

    /// Somebody has heard a host.
    pub(in super::super) fn known(&mut self, host: &HostId, view: &View) {
        let Some(picture) = view.picture(host) else {
            return;
        };
        let known = picture.evidence();
        if !picture.is_whole() {
            self.gaps += 1;
            let is_nothing = known.actors.is_empty();
            assert!(is_nothing, "{host} is not known, and {known:?} is");
            return;
        }
        let (process, sequence) = picture.place();
        let at = (host.clone(), process.unwrap().clone(), sequence);
        assert_eq!(known.actors, self.told[&at], "{host} never said so");
    }
}
