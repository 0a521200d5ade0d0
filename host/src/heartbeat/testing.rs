//! Reports for tests: hosts of which only what matters is said.

use std::collections::BTreeMap;

use lattice_protocol::report::{ActorReport, Phase, ProviderReport, Report};

/// A host with nothing on it.
pub(crate) fn report(host: &str) -> Report {
    Report {
        host: host.parse().unwrap(),
        version: "1".into(),
        labels: BTreeMap::new(),
        capacity: 10,
        uptime_ms: 1,
        connection: None,
        assignment: None,
        actors: BTreeMap::new(),
        providers: BTreeMap::new(),
    }
}

/// A host with these actors.
pub(crate) fn with_actors<N: AsRef<str>>(
    host: &str,
    actors: impl IntoIterator<Item = (N, ActorReport)>,
) -> Report {
    let named = |(name, actor): (N, _)| (name.as_ref().parse().unwrap(), actor);
    Report {
        actors: actors.into_iter().map(named).collect(),
        ..report(host)
    }
}

/// An actor that runs in eight slots, some of them busy.
pub(crate) fn actor(busy: u32) -> ActorReport {
    ActorReport {
        revision: "0123456789ab".into(),
        slots: 8,
        busy,
        waiting: 0,
        refused: None,
        phase: Phase::Running,
    }
}

/// A host with the provider `kv`, so far on its way.
pub(crate) fn with_provider(host: &str, phase: Phase) -> Report {
    let provider = ProviderReport {
        revision: "0123456789ab".into(),
        pid: None,
        process: None,
        restarts: 0,
        settings: None,
        refused: None,
        silent_ms: None,
        phase,
    };
    Report {
        providers: [("kv".parse().unwrap(), provider)].into(),
        ..report(host)
    }
}
