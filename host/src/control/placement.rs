//! Where things are, by what the hosts said of themselves.

use std::collections::BTreeMap;

use lattice_protocol::control::Placement;
use lattice_protocol::id::HostId;
use lattice_protocol::report::Report;

/// Each thing with the hosts that have it.
pub(super) type Placements<Name> = BTreeMap<Name, BTreeMap<HostId, Placement>>;

/// Gathers from every report what `on` finds there.
pub(super) fn gather<'a, Name, Found>(
    reports: impl Iterator<Item = &'a Report>,
    on: impl Fn(&'a Report) -> Found,
) -> Placements<Name>
where
    Name: Ord + Clone + 'a,
    Found: Iterator<Item = (&'a Name, Placement)>,
{
    let mut placements = Placements::new();
    for report in reports {
        for (name, placement) in on(report) {
            placements
                .entry(name.clone())
                .or_insert_with(BTreeMap::new)
                .insert(report.host.clone(), placement);
        }
    }
    placements
}
