//! Where one thing runs, by what hosts say of it.

use std::collections::BTreeMap;

use lattice_config::Revision;
use lattice_protocol::control::Placement;
use lattice_protocol::id::HostId;
use lattice_protocol::report::Phase;

/// What runs of a thing at a revision.
#[derive(Default)]
pub(super) struct Running {
    pub(super) hosts: u32,
    pub(super) slots: u32,
    /// Whether it is on its way on some host, or runs there as it was before.
    pub(super) others: bool,
}

/// Where a thing runs at a revision, or why it does not, unless that `is_old`.
pub(super) fn placed(
    hosts: Option<&BTreeMap<HostId, Placement>>,
    revision: &Revision,
    is_old: impl Fn(&Placement) -> bool,
) -> Result<Running, String> {
    let mut running = Running::default();
    for placement in hosts.into_iter().flatten().map(|(_, placement)| placement) {
        if let Some(refused) = &placement.refused
            && refused.revision == revision.as_str()
        {
            return Err(refused.reason.clone());
        }
        let wanted = placement.revision == revision.as_str();
        match &placement.phase {
            Phase::Failed { reason } if wanted && !is_old(placement) => {
                return Err(reason.clone());
            }
            Phase::Running if wanted => {
                running.hosts += 1;
                running.slots = running.slots.saturating_add(placement.slots);
            }
            _ => running.others = true,
        }
    }
    Ok(running)
}
