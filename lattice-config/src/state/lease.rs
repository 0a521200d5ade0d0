//! Who leads. One host at a time may write assignments; the epoch fences the ones before it.
//!
//! Clocks of hosts differ, so a lease carries no time: whoever wants to lead watches the record, and
//! when it has not changed for `ttl_ms` by the watcher's own clock, takes it by compare-and-swap.

use lattice_protocol::id::HostId;
use serde::{Deserialize, Serialize};

/// How long a lease holds without renewal. A killed leader's work must move within 5 s: 2 s to miss
/// it leave 3 s to plan and start; renewed every third of it, two renewals may be lost.
pub const LEASE_TTL_MS: u64 = 2_000;

/// The right to write assignments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it.
    pub holder: HostId,
    /// Grows with every new holder; assignments carry it.
    pub epoch: u64,
    /// Counts renewals, so that each is a change that watchers see.
    #[serde(default)]
    pub renewals: u64,
    /// How long it holds without a change.
    pub ttl_ms: u64,
}

impl Lease {
    /// The lease by which `holder` follows on `before`.
    pub fn take(holder: HostId, before: Option<&Self>) -> Self {
        let epoch = before.map_or(0, |lease| lease.epoch).saturating_add(1);
        Self {
            holder,
            epoch,
            renewals: 0,
            ttl_ms: LEASE_TTL_MS,
        }
    }

    /// The same lease, once more.
    pub fn renewed(&self) -> Self {
        Self {
            renewals: self.renewals.saturating_add(1),
            ..self.clone()
        }
    }
}
