//! What others see of a provider on this host.

use lattice_config::Revision;
use lattice_protocol::id::ProcessId;
use lattice_protocol::report::{Phase, ProviderReport};
use lattice_protocol::standard::health::Health;
use tokio::time::Instant;

/// What others see of a provider; none: nothing of it runs.
pub(super) type Status = Option<Seen>;

/// A provider as its supervisor sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) revision: String,
    pub(super) pid: Option<u32>,
    pub(super) process: Option<ProcessId>,
    pub(super) restarts: u32,
    /// What it said last of its settings.
    pub(super) health: Health,
    /// Since when it has not answered, if it did before.
    pub(super) silent_since: Option<Instant>,
    pub(super) phase: Phase,
}

impl Seen {
    /// One that is about to be started.
    pub(super) fn starting(revision: &Revision) -> Self {
        Self {
            revision: revision.to_string(),
            pid: None,
            process: None,
            restarts: 0,
            health: Health::default(),
            silent_since: None,
            phase: Phase::Starting,
        }
    }

    /// The same for the host's report, with durations of now in place of moments.
    pub(super) fn report(self) -> ProviderReport {
        let silent_ms = |since: Instant| {
            let silence = Instant::now().saturating_duration_since(since);
            u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)
        };
        ProviderReport {
            revision: self.revision,
            pid: self.pid,
            process: self.process,
            restarts: self.restarts,
            settings: self.health.settings,
            refused: self.health.refused,
            silent_ms: self.silent_since.map(silent_ms),
            phase: self.phase,
        }
    }
}
