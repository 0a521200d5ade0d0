//! Providers that run as a task of the host's own process: faster to call, and their faults are the
//! host's.
//!
//! Such a provider serves its subjects as a process would, over a connection of its own. Beside that it
//! opens a door, through which actors of this host call it without NATS. Whoever makes the host says
//! which kinds can run so ([`Kinds`]): the host itself knows no provider.
//!
//! What it gives up is isolation. A panic costs one run and is followed by a restart, as a crash is; a
//! provider that takes all memory takes the host's, and one that never yields can't be ended.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lattice_client::{Call, Reply};
use lattice_protocol::error::CallError;
#[cfg(test)]
use lattice_protocol::error::ErrorCode;
use lattice_protocol::id::{ProcessId, ProviderName};
use lattice_telemetry::{Calling, Telemetry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::machine::Exit;

/// The way straight to whoever answers in this process.
pub type Direct = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply, CallError>> + Send + Sync>;

/// The way of the calls that a provider makes. It shows them itself, and is told which way each goes.
pub type Out = Arc<
    dyn for<'a> Fn(Call, &'a mut Calling<'_>) -> BoxFuture<'a, Result<Reply, CallError>>
        + Send
        + Sync,
>;

/// Runs a provider until it is told to stop, or can't go on.
pub type Kind = Arc<dyn Fn(Start) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a provider is started with.
pub struct Start {
    /// How it reaches the lattice.
    pub client: lattice_client::Options,
    /// Which of the declared providers it is.
    pub name: ProviderName,
    /// Which run of it, for its health checks.
    pub process: ProcessId,
    /// Where it shows what it does: where its host does.
    pub telemetry: Telemetry,
    /// The way of its own calls: straight into this host's actors where they have room.
    pub out: Out,
    /// To be called once, when it takes calls.
    pub open: Box<dyn FnOnce(Direct) + Send>,
    /// Tells it to stop.
    pub stop: CancellationToken,
}

/// What a host shares with the providers in its process.
#[derive(Clone)]
pub struct Around {
    /// Where they show what they do.
    pub telemetry: Telemetry,
    /// The way of their calls.
    pub out: Out,
}

#[cfg(test)]
impl Around {
    /// A host that shows nothing and where nobody answers.
    pub(super) fn nothing() -> Self {
        Self {
            telemetry: Telemetry::off(),
            out: Arc::new(|_, _| {
                let error = CallError::refused(ErrorCode::Unavailable, "there is no host");
                async { Err(error) }.boxed()
            }),
        }
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around").finish_non_exhaustive()
    }
}

/// The kinds of providers that can run inline in one host, and the doors of those that do.
#[derive(Clone, Default)]
pub struct Kinds {
    kinds: BTreeMap<String, Kind>,
    doors: Doors,
}

impl Kinds {
    /// Adds a kind.
    pub fn with(mut self, name: &str, kind: Kind) -> Self {
        self.kinds.insert(name.to_owned(), kind);
        self
    }

    /// The ways straight into those that run.
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    pub(super) fn get(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}

/// The open doors of this host's providers; clones share them.
#[derive(Clone, Default)]
pub struct Doors(Arc<RwLock<BTreeMap<ProviderName, (ProcessId, Direct)>>>);

impl Doors {
    /// The way straight into a provider, while it takes calls.
    pub fn of(&self, target: &str) -> Option<Direct> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        doors.get(target).map(|(_, direct)| direct.clone())
    }

    fn open(&self, name: ProviderName, process: ProcessId, direct: Direct) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        doors.insert(name, (process, direct));
    }

    /// Closes the door of that run; a later run's stays.
    fn close(&self, name: &ProviderName, process: &ProcessId) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if doors.get(name).is_some_and(|(opened, _)| opened == process) {
            doors.remove(name);
        }
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(doors.keys()).finish()
    }
}

/// A provider that runs inline. Dropped, it is ended.
#[derive(Debug)]
#[must_use]
pub(super) struct Task {
    name: ProviderName,
    process: ProcessId,
    doors: Doors,
    stop: CancellationToken,
    running: JoinHandle<Exit>,
}

impl Task {
    pub(super) fn start(
        kind: &Kind,
        doors: &Doors,
        name: &ProviderName,
        process: &ProcessId,
        client: lattice_client::Options,
        around: &Around,
    ) -> Self {
        let stop = CancellationToken::new();
        let (opened, open_name, open_process) = (doors.clone(), name.clone(), process.clone());
        let gate = stop.clone();
        let start = Start {
            client,
            name: name.clone(),
            process: process.clone(),
            telemetry: around.telemetry.clone(),
            out: around.out.clone(),
            open: Box::new(move |direct| {
                // One that is told to stop while it starts opens no more.
                if !gate.is_cancelled() {
                    opened.open(open_name, open_process, direct);
                }
            }),
            stop: stop.clone(),
        };
        let kind = kind.clone();
        // The kind's own code runs in the task: what panics in it is caught there.
        let run = async move { kind(start).await };
        let running = tokio::spawn(async move { exit(AssertUnwindSafe(run).catch_unwind().await) });
        Self {
            name: name.clone(),
            process: process.clone(),
            doors: doors.clone(),
            stop,
            running,
        }
    }

    /// Waits for its end; may be given up and asked again.
    pub(super) async fn ended(&mut self) -> Exit {
        let exit = (&mut self.running).await;
        self.close();
        exit.unwrap_or_else(|_| told("ended by its host", None))
    }

    /// Asks it to end: calls go to others from here on, and those in it are finished.
    pub(super) fn terminate(&mut self) {
        self.close();
        self.stop.cancel();
    }

    /// Ends it where it is.
    pub(super) fn kill(&mut self) {
        self.close();
        self.running.abort();
    }

    fn close(&self) {
        self.doors.close(&self.name, &self.process);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.kill();
    }
}

type Ended = Result<Result<(), String>, Box<dyn std::any::Any + Send>>;

fn exit(ended: Ended) -> Exit {
    match ended {
        Ok(Ok(())) => told("ended", None),
        Ok(Err(reason)) => told("failed", Some(reason)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            told("panicked", text)
        }
    }
}

fn told(status: &str, line: Option<String>) -> Exit {
    Exit {
        status: status.to_owned(),
        lines: line.into_iter().collect(),
    }
}

#[cfg(test)]
#[path = "inline_test.rs"]
mod tests;
