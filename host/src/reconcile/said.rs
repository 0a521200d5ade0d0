//! What a host says of itself, as the plan reads it.

use lattice_config::plan::{HostView, Word};
use lattice_protocol::id::TargetName;
use lattice_protocol::report::{Phase, Report};

/// A host, as the plan sees it.
pub fn view(report: &Report) -> HostView {
    HostView {
        id: report.host.clone(),
        labels: report.labels.clone(),
        capacity: report.capacity,
        // A host that drains says `host.left` first: it is not among those alive.
        draining: false,
    }
}

/// What a host says of a thing that it is to run.
pub fn word(report: &Report, name: &TargetName) -> Word {
    let actor = report.actors.get(name.as_str());
    let provider = report.providers.get(name.as_str());
    let is_running = |phase: &Phase| *phase == Phase::Running;
    match (actor, provider) {
        (Some(actor), _) if is_running(&actor.phase) && actor.slots > 0 => Word::Serves,
        (_, Some(provider)) if is_running(&provider.phase) => Word::Serves,
        (None, None) => Word::Silent,
        _ => Word::Not,
    }
}
