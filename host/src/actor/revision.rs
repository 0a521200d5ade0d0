//! One revision of an actor, ready to be called.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lattice_client::{ArtifactError, Call, Incoming, Responder};
use lattice_config::{AssignedActor, Limits};
use lattice_protocol::call::Context as CallContext;
use lattice_protocol::control::ActorDetail;
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::Component;

use super::Context;
use super::admission::{Admission, Entry, Load, Slot};
use super::instance::Instances;
use super::log::{Log, Tail};
use crate::capability::http::Handler;
use crate::capability::{self, Errand, GuestParts, Linked};
use crate::component::{self, Exports};
use crate::engine;
use crate::link::LinkTable;
use crate::outbox::Outbox;

/// Why a revision can't be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Its component can't be had.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Its component did not come.
    #[error("the component was not there after {PULL_TIME:?}")]
    Slow,
    /// Its component can't be compiled.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// Its imports are not answered.
    #[error(transparent)]
    Link(#[from] capability::Error),
    /// It was instantiated once to see that it starts, and didn't.
    #[error("the component does not start: {0}")]
    Start(String),
    /// It can't be reached.
    #[error(transparent)]
    Serve(#[from] lattice_client::ServeError),
}

/// How long a component may take from the lattice to this host: the largest one over a slow line.
const PULL_TIME: Duration = Duration::from_secs(120);
/// How many calls that found no room may be on their way to peers: they hold their payloads here.
const FORWARDS_MAX: usize = 256;

/// What becomes of a call when there is no room.
#[derive(Clone, Copy)]
pub(super) enum Overflow {
    /// It goes once to a peer that has room.
    Forward,
    /// It is refused: it was forwarded, or sent here by choice.
    Refuse,
}

/// A revision that can be called.
pub(super) struct Revision {
    pub(super) assigned: AssignedActor,
    pub(super) instances: Instances,
    pub(super) http: Option<Handler>,
    pub(super) exports: Exports,
    pub(super) log: Log,
    /// Held so that other actors of the same component share its code.
    _component: Arc<Component>,
    /// Whether its engine runs instances concurrently: wasmtime can't nest such calls in one task.
    concurrent: bool,
    /// How many calls may be on their way to peers at once.
    forwards: Arc<Semaphore>,
    door: Admission,
    detail: ActorDetail,
    cx: Context,
}

impl Revision {
    /// Brings a revision up to where it can be called; nothing is called yet.
    pub(super) async fn prepare(cx: &Context, assigned: AssignedActor) -> Result<Arc<Self>, Error> {
        let component = fetch(cx, &assigned).await?;
        let links = LinkTable::new(assigned.name.clone(), assigned.spec.links.clone());
        let linked = cx.imports.link(&component, &links)?;
        let exports = Exports::of(component.engine(), &component);
        let http = match exports.serves_http() {
            true => Some(Handler::new(&linked.pre).map_err(start_failed)?),
            false => None,
        };
        // The first instance would otherwise pay for it.
        component
            .initialize_copy_on_write_image()
            .map_err(start_failed)?;
        let limits = &assigned.spec.limits;
        let waiting_max = usize::try_from(limits.waiting).unwrap_or(usize::MAX);
        let revision = Self {
            forwards: Arc::new(Semaphore::new(FORWARDS_MAX)),
            door: Admission::new(assigned.slots, waiting_max),
            log: Log::open(
                cx.client.clone(),
                cx.host.clone(),
                assigned.name.clone(),
                limits.log_bytes_per_s,
            ),
            detail: detail(&assigned, &component, &links, &exports),
            concurrent: !wasmtime::Engine::same(component.engine(), cx.engine.wasm()),
            instances: instances(cx, linked, &assigned, links),
            _component: component,
            cx: cx.clone(),
            assigned,
            http,
            exports,
        };
        revision.try_start().await?;
        Ok(Arc::new(revision))
    }

    /// Instantiates the component once: what fails at its start should fail before any call.
    async fn try_start(&self) -> Result<(), Error> {
        let call = CallContext::default();
        let deadline = Instant::now() + call.remaining;
        let (errand, tail) = self.errand(&call, deadline.into_std());
        match tokio::time::timeout_at(deadline, self.instances.make(errand)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Start(format!("{error:#} {}", tail.text()))),
            Err(_) => Err(Error::Start("its start took too long".into())),
        }
    }

    /// Takes a call in: it runs, waits its turn, goes on to a peer, or is refused at once.
    pub(super) async fn accept(self: &Arc<Self>, incoming: Incoming, overflow: Overflow) {
        let deadline = self.deadline(incoming.received, &incoming.context);
        let Incoming {
            target,
            endpoint,
            context,
            payload,
            responder,
            ..
        } = incoming;
        let call = Call {
            target,
            endpoint,
            context,
            payload,
        };
        let revision = self.clone();
        match self.door.enter() {
            Entry::Slot(slot) => {
                tokio::spawn(async move {
                    responder.answer(revision.run(&call, deadline)).await;
                    drop(slot);
                });
            }
            Entry::Waiting(waiting) => {
                tokio::spawn(async move {
                    // Held until the reply is out: a drain waits for slots, and for the reply so.
                    let mut held = None;
                    let work = async {
                        match tokio::time::timeout_at(deadline, waiting.slot()).await {
                            Ok(Some(slot)) => held = Some(slot),
                            _ => return Err(revision.too_late()),
                        }
                        revision.run(&call, deadline).await
                    };
                    responder.answer(work).await;
                    drop(held);
                });
            }
            Entry::Full => self.overflow(call, responder, deadline, overflow).await,
        }
    }

    /// No room: once to a peer that has some, else an answer at once.
    async fn overflow(
        self: &Arc<Self>,
        mut call: Call,
        responder: Responder,
        deadline: Instant,
        overflow: Overflow,
    ) {
        let forwarding = match overflow {
            Overflow::Forward => self.forwards.clone().try_acquire_owned().ok(),
            Overflow::Refuse => None,
        };
        let Some(permit) = forwarding else {
            return responder.reply(Err(self.full())).await;
        };
        let revision = self.clone();
        tokio::spawn(async move {
            call.context.remaining = deadline.saturating_duration_since(Instant::now());
            let work = async {
                let forwarded = revision.cx.router.forward(&call).await;
                forwarded.unwrap_or_else(|| Err(revision.full()))
            };
            responder.answer(work).await;
            drop(permit);
        });
    }

    /// Runs a call of an actor on this host; a caller that is gone takes the call with it. `None` if
    /// it would have to wait and there may be another way.
    pub(super) async fn call_here(
        self: &Arc<Self>,
        call: &Call,
        only_way: bool,
    ) -> Option<Result<Bytes, CallError>> {
        let deadline = self.deadline(std::time::Instant::now(), &call.context);
        let slot = match self.door.enter_now() {
            Some(slot) => slot,
            None if only_way => match self.turn(deadline).await {
                Ok(slot) => slot,
                Err(error) => return Some(Err(error)),
            },
            None => return None,
        };
        if self.concurrent {
            return Some(self.call_apart(call.clone(), deadline, slot).await);
        }
        // In the caller's own task. Boxed: a chain of calls on one host would make one future that
        // holds all of them.
        let result = Box::pin(self.run(call, deadline)).await;
        drop(slot);
        Some(result)
    }

    /// A slot, now or in turn.
    async fn turn(&self, deadline: Instant) -> Result<Slot, CallError> {
        match self.door.enter() {
            Entry::Slot(slot) => Ok(slot),
            Entry::Full => Err(self.full()),
            Entry::Waiting(waiting) => {
                let slot = tokio::time::timeout_at(deadline, waiting.slot()).await;
                slot.ok().flatten().ok_or_else(|| self.too_late())
            }
        }
    }

    /// In a task of its own, which ends with the caller.
    async fn call_apart(
        self: &Arc<Self>,
        call: Call,
        deadline: Instant,
        slot: Slot,
    ) -> Result<Bytes, CallError> {
        let revision = self.clone();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let result = revision.run(&call, deadline).await;
            drop(slot);
            result
        }));
        task.await.unwrap_or_else(|error| {
            let message = format!("the call did not come to its end: {error}");
            Err(CallError::begun(ErrorCode::Internal, message))
        })
    }

    async fn run(&self, call: &Call, deadline: Instant) -> Result<Bytes, CallError> {
        super::call::Running {
            revision: self,
            call,
            deadline,
        }
        .run()
        .await
    }

    /// The caller's deadline or the actor's own, whichever is first, from when the call came.
    fn deadline(&self, received: std::time::Instant, context: &CallContext) -> Instant {
        let own = Duration::from_millis(self.limits().time_ms);
        Instant::from_std(received) + context.remaining.min(own)
    }

    /// What an instance is sent out with for one call, and the last that its guest says on
    /// standard error.
    pub(super) fn errand(
        &self,
        call: &CallContext,
        deadline: std::time::Instant,
    ) -> (Errand, Tail) {
        let output = self.log.output(call.id);
        let tail = output.tail();
        let outbox = Outbox::new(
            self.cx.router.clone(),
            self.assigned.name.clone(),
            call.clone(),
            deadline,
        );
        let errand = Errand {
            deadline,
            outbox: Some(outbox),
            output: Some(output),
        };
        (errand, tail)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.assigned.spec.limits
    }

    /// What can be called, and who answers what it imports.
    pub(super) fn detail(&self) -> &ActorDetail {
        &self.detail
    }

    /// How busy it is.
    pub(super) fn load(&self) -> Load {
        self.door.load()
    }

    /// Changes how many calls it serves at once.
    pub(super) fn resize(&self, slots: u32) {
        self.door.resize(slots);
        self.instances.resize(slots);
    }

    /// Returns when no call is on its way to a peer.
    pub(super) async fn forwarded(&self) {
        // Never closed, so every permit comes back.
        let all = u32::try_from(FORWARDS_MAX).unwrap_or(u32::MAX);
        drop(self.forwards.acquire_many(all).await);
    }

    /// Returns when no call runs.
    pub(super) async fn idle(&self) {
        self.door.idle().await;
    }

    fn full(&self) -> CallError {
        let load = self.load();
        CallError::refused(
            ErrorCode::Overloaded,
            format!(
                "actor {} is full: {} calls run and {} wait; scale it, or raise limits.waiting",
                self.assigned.name, load.busy, load.waiting
            ),
        )
    }

    fn too_late(&self) -> CallError {
        CallError::refused(
            ErrorCode::Deadline,
            format!(
                "the call waited for actor {} until its time was over",
                self.assigned.name
            ),
        )
    }
}

fn instances(
    cx: &Context,
    linked: Linked,
    assigned: &AssignedActor,
    links: LinkTable,
) -> Instances {
    let spec = &assigned.spec;
    let parts = GuestParts {
        limits: spec.limits.clone(),
        links: Arc::new(links),
        config: Arc::new(spec.config.clone()),
    };
    let idle = cx.engine.idle().clone();
    Instances::new(linked, parts, spec.instance, assigned.slots, idle)
}

fn start_failed(error: wasmtime::Error) -> Error {
    Error::Start(format!("{error:#}"))
}

/// From disk if it was compiled here before, else from the lattice.
async fn fetch(cx: &Context, assigned: &AssignedActor) -> Result<Arc<Component>, Error> {
    if let Some(component) = cx.engine.cached(&assigned.component).await {
        return Ok(component);
    }
    // One at a time: a host that gets many actors of one component pulls and compiles it once, and
    // never holds more than one that is not compiled.
    let _turn = cx.pulls.lock().await;
    if let Some(component) = cx.engine.cached(&assigned.component).await {
        return Ok(component);
    }
    let pulled = tokio::time::timeout(PULL_TIME, cx.artifacts.pull(&assigned.component));
    let bytes = pulled.await.map_err(|_| Error::Slow)??;
    Ok(cx
        .engine
        .compile(&assigned.component, bytes, &assigned.spec.limits)
        .await?)
}

fn detail(
    assigned: &AssignedActor,
    component: &Component,
    links: &LinkTable,
    exports: &Exports,
) -> ActorDetail {
    let imports = component::imports(component.engine(), component)
        .into_iter()
        .map(|import| {
            let link = import.interface.as_ref().and_then(|i| links.default_for(i));
            let answer = link.map_or_else(|| "given".to_owned(), |link| link.to.to_string());
            (import.name, answer)
        })
        .collect();
    ActorDetail {
        name: assigned.name.clone(),
        component: assigned.component.clone(),
        endpoints: exports.describe(),
        imports,
    }
}
