//! Who leads. One host at a time may write assignments; the epoch fences the ones before it.
//!
//! Clocks of hosts differ, so a lease carries no time: whoever wants to lead watches the record, and
//! when it has not changed for `ttl_ms` by the watcher's own clock, takes it by compare-and-swap.

use lattice_protocol::id::HostId;
use serde::{Deserialize, Serialize};

use crate::plan::bits16;

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

/// The low bits of an epoch are its holder's. A store that is set back may have two hosts take the
/// lease after the same one; their epochs must differ all the same, or hosts that followed the first
/// could not tell the second from it.
const HOLDER_BITS: u32 = 16;

/// The next epoch of a host, above all that it knows of.
pub fn epoch_after(known: u64, holder: &HostId) -> u64 {
    let round = (known >> HOLDER_BITS).saturating_add(1);
    let epoch = round.checked_mul(1 << HOLDER_BITS);
    epoch.map_or(u64::MAX, |epoch| epoch | bits16(holder.as_str()))
}

impl Lease {
    /// The lease that `holder` takes when all epochs that it knows of are up to `known`.
    pub fn take(holder: HostId, known: u64) -> Self {
        Self {
            epoch: epoch_after(known, &holder),
            holder,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_grow_and_those_of_two_hosts_differ() {
        let [one, two] = ["h1", "h2"].map(|host| host.parse::<HostId>().unwrap());
        let mut known = 0;
        for holder in [&one, &two, &two, &one] {
            let epoch = epoch_after(known, holder);
            assert!(epoch > known);
            known = epoch;
        }
        assert_ne!(epoch_after(7, &one), epoch_after(7, &two));
        assert_eq!(epoch_after(u64::MAX, &one), u64::MAX);
    }
}
