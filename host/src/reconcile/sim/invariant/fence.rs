//! Once a later leader has written an assignment, no write of an earlier one succeeds.

use std::collections::BTreeMap;

#[derive(Default)]
pub(in super::super) struct Fence {
    latest: BTreeMap<(u64, String), u64>,
}

impl Fence {
    pub(super) fn wrote(&mut self, store: u64, key: &str, epoch: u64) {
        let latest = self.latest.entry((store, key.to_owned())).or_default();
        assert!(
            epoch >= *latest,
            "{key} was written under epoch {epoch} after {latest}"
        );
        *latest = epoch;
    }
}
