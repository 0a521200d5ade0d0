//! How long a supervisor waits, and how often it tries.

use std::time::Duration;

/// The patience of a supervisor.
#[derive(Debug, Clone)]
pub(in crate::provider) struct Limits {
    /// The pause after a first crash: short, as most crashes are single.
    pub(in crate::provider) backoff_min: Duration,
    /// The longest pause, to which it doubles: a dependency that comes back is met within this.
    pub(in crate::provider) backoff_max: Duration,
    /// A process that answered for this long is sound: pauses begin small again.
    pub(in crate::provider) stable_after: Duration,
    /// More crashes than this within `crashes_window`, and the provider counts as failed.
    pub(in crate::provider) crashes_max: usize,
    /// See `crashes_max`: with the pauses doubling, six crashes take about seven seconds.
    pub(in crate::provider) crashes_window: Duration,
    /// The first pause between checks of a process that starts: it doubles to `check_every`.
    pub(in crate::provider) check_first: Duration,
    /// The pause between checks.
    pub(in crate::provider) check_every: Duration,
    /// Misses in a row after which the report says so: one may be an accident.
    pub(in crate::provider) misses_max: u32,
    /// Checks without an answer that this host slept through, after which each counts as silence: a host that
    /// can't hear for half a minute can't serve with that provider either.
    pub(in crate::provider) unheard_max: u32,
    /// How long one that answered before may be silent until it is killed: longer than it takes to
    /// find a dead connection to NATS and to reconnect.
    pub(in crate::provider) silence_max: Duration,
    /// How long one may take to answer first: it may have to wait for a store.
    pub(in crate::provider) start_max: Duration,
    /// How long it has to end by itself: its calls have their default deadline, and then some.
    pub(in crate::provider) stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(30),
            crashes_max: 5,
            crashes_window: Duration::from_secs(120),
            check_first: Duration::from_millis(20),
            check_every: Duration::from_secs(1),
            misses_max: 3,
            unheard_max: 30,
            silence_max: Duration::from_secs(20),
            start_max: Duration::from_secs(60),
            stop_grace: lattice_protocol::call::DEADLINE_DEFAULT + Duration::from_secs(2),
        }
    }
}
