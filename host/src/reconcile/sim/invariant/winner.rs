//! The assignments of one epoch are all written by one host.

use std::collections::BTreeMap;

use lattice_protocol::id::HostId;

#[derive(Default)]
pub(in super::super) struct Winner {
    by: BTreeMap<(u64, u64), HostId>,
}

impl Winner {
    pub(super) fn wrote(&mut self, store: u64, epoch: u64, by: &HostId) {
        let first = self.by.entry((store, epoch)).or_insert_with(|| by.clone());
        assert_eq!(first, by, "two hosts wrote assignments under epoch {epoch}");
    }
}
