//! Where a provider runs, and its limits.

use std::time::Duration;

use lattice_protocol::id::ProviderName;
use lattice_telemetry::Telemetry;
use tokio::sync::oneshot;

/// Calls at once unless set: far past what one connection to a store keeps busy, and with calls of
/// a few KiB some MiB of memory.
pub const RUNNING_MAX: usize = 512;
/// Calls that may wait unless set: at a thousand calls a second they wait for about two seconds,
/// and more would only answer callers who have given up.
pub const WAITING_MAX: usize = 2048;
/// How long running calls have to finish at shutdown unless set: the default deadline of a call.
pub const DRAIN: Duration = lattice_protocol::call::DEADLINE_DEFAULT;

/// How to run a provider.
#[derive(Debug)]
pub struct Options {
    /// The lattice, and how to reach it.
    pub client: lattice_client::Options,
    /// Which of the declared providers this process is.
    pub name: ProviderName,
    /// How many calls may run at once.
    pub running_max: usize,
    /// How many more may wait; past that the answer is `overloaded`, at once.
    pub waiting_max: usize,
    /// How long running calls have to finish at shutdown.
    pub drain: Duration,
    /// Where it shows what it does.
    pub telemetry: Telemetry,
    /// Told when calls are taken. Other processes ask for [`health`](crate::health) instead.
    pub ready: Option<oneshot::Sender<()>>,
}

impl Options {
    /// Options with the limits that fit most providers.
    pub fn new(client: lattice_client::Options, name: ProviderName) -> Self {
        Self {
            client,
            name,
            running_max: RUNNING_MAX,
            waiting_max: WAITING_MAX,
            drain: DRAIN,
            telemetry: Telemetry::off(),
            ready: None,
        }
    }
}
