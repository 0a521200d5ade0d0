//! The hosts that are there, by the names that people type.

use lattice_client::Client;
use lattice_protocol::control::{HostAnswer, HostSummary, HostVerb, Nothing};
use lattice_protocol::id::HostId;
use lattice_protocol::near::nearest;

use crate::exit::Usage;

/// A host that is silent for so long is not counted on: it has lost its work to others.
pub(crate) const SILENT_MS: u64 = 3_000;

/// Those that were heard a moment ago.
pub(crate) fn alive(hosts: &[HostSummary]) -> impl Iterator<Item = &HostSummary> {
    hosts.iter().filter(|host| host.silent_ms < SILENT_MS)
}

fn ids(hosts: &[HostSummary]) -> impl Iterator<Item = &str> {
    alive(hosts).map(|host| host.report.host.as_str())
}

/// The host that is meant, of those that are listed.
pub(crate) fn listed(name: &str, hosts: &[HostSummary]) -> anyhow::Result<HostId> {
    if ids(hosts).any(|id| id == name) {
        return Ok(name.parse()?);
    }
    let meant = nearest(name, ids(hosts)).map(|id| format!(": did you mean {id}?"));
    let all = || format!(": there are {}", ids(hosts).collect::<Vec<_>>().join(", "));
    let hint = meant.unwrap_or_else(all);
    Err(Usage(format!("no host {name} is there{hint}")).into())
}

/// The same; whoever lists them may not have heard of one that has just come, so it is asked.
pub(crate) async fn host(
    client: &Client,
    name: &str,
    hosts: &[HostSummary],
) -> anyhow::Result<HostId> {
    let listed = listed(name, hosts);
    if listed.is_err()
        && let Ok(id) = name.parse()
    {
        let ping = client.control_host::<HostAnswer>(&id, HostVerb::Ping, &Nothing {});
        if ping.await.is_ok() {
            return Ok(id);
        }
    }
    listed
}
