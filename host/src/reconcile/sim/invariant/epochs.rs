//! Epochs only grow: those of the lease in one store, and those that a host follows, over restarts.

use std::collections::BTreeMap;

use lattice_protocol::id::HostId;

#[derive(Default)]
pub(in super::super) struct Epochs {
    leases: BTreeMap<u64, u64>,
}

impl Epochs {
    pub(super) fn leased(&mut self, store: u64, epoch: u64) {
        let latest = self.leases.entry(store).or_default();
        assert!(
            epoch >= *latest,
            "a lease of epoch {epoch} follows on {latest}"
        );
        *latest = epoch;
    }

    pub(in super::super) fn runs(&self, host: &HostId, before: u64, epoch: u64) {
        assert!(
            epoch >= before,
            "{host} follows epoch {epoch} after {before}"
        );
    }
}
