//! Where a provider runs, and its limits.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lattice_client::{Call, Reply};
use lattice_protocol::error::CallError;
use lattice_protocol::id::{ProcessId, ProviderName};
use lattice_telemetry::{Calling, Telemetry};
use tokio::sync::oneshot;

/// Calls at once unless set: far past what one connection to a store keeps busy, and with calls of
/// a few KiB some MiB of memory.
pub const RUNNING_MAX: usize = 512;
/// Calls that may wait unless set: at a thousand calls a second they wait for about two seconds,
/// and more would only answer callers who have given up.
pub const WAITING_MAX: usize = 2048;
/// How long running calls have to finish at shutdown unless set: the default deadline of a call.
pub const DRAIN: Duration = lattice_protocol::call::DEADLINE_DEFAULT;

/// The way straight to whoever answers, for callers of the same process.
pub type Direct = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply, CallError>> + Send + Sync>;

/// The way of a provider's own calls where it runs inside a host: straight into the host's actors where
/// they have room, else the way of every call. Who calls shows the call, and is told which way it goes.
pub type Out = Arc<
    dyn for<'a> Fn(Call, &'a mut Calling<'_>) -> BoxFuture<'a, Result<Reply, CallError>>
        + Send
        + Sync,
>;

/// Takes the way straight in.
pub type Open = Box<dyn FnOnce(Direct) + Send>;

/// How to run a provider.
pub struct Options {
    /// The lattice, and how to reach it.
    pub client: lattice_client::Options,
    /// Which of the declared providers this process is.
    pub name: ProviderName,
    /// Which process of that provider this is, for the health checks of the host that started it: by
    /// the queue group another copy could answer for one that hangs.
    pub process: Option<ProcessId>,
    /// How many calls may run at once.
    pub running_max: usize,
    /// How many more may wait; past that the answer is `overloaded`, at once.
    pub waiting_max: usize,
    /// How long running calls have to finish at shutdown.
    pub drain: Duration,
    /// Where it shows what it does.
    pub telemetry: Telemetry,
    /// Given the way straight in once calls are taken, where the provider runs inside a host: calls
    /// that come this way are admitted, bounded and answered like any other.
    pub open: Option<Open>,
    /// The way of its own calls where it runs inside a host. [`run`](crate::run()) leaves it to the
    /// provider to go by it, by a [`Caller`](crate::Caller).
    pub out: Option<Out>,
    /// Told when calls are taken. Other processes ask for [`health`](crate::health) instead.
    pub ready: Option<oneshot::Sender<()>>,
}

impl Options {
    /// Options with the limits that fit most providers.
    pub fn new(client: lattice_client::Options, name: ProviderName) -> Self {
        Self {
            client,
            name,
            process: None,
            running_max: RUNNING_MAX,
            waiting_max: WAITING_MAX,
            drain: DRAIN,
            telemetry: Telemetry::off(),
            open: None,
            out: None,
            ready: None,
        }
    }
}
