//! One revision of an actor, ready to be called.

use std::sync::Arc;

use lattice_client::{ArtifactError, Incoming};
use lattice_config::{AssignedActor, Limits};
use lattice_protocol::control::ActorDetail;
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::time::Instant;
use wasmtime::component::{Component, InstancePre};

use super::Context;
use super::admission::{Admission, Entry, Load};
use super::log::Log;
use crate::capability::http::Handler;
use crate::capability::{self, Guest, GuestParts};
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

/// A revision that can be called.
pub(super) struct Revision {
    pub(super) assigned: AssignedActor,
    pub(super) pre: InstancePre<Guest>,
    pub(super) http: Option<Handler>,
    pub(super) exports: Exports,
    pub(super) log: Log,
    links: Arc<LinkTable>,
    door: Admission,
    detail: ActorDetail,
    cx: Context,
}

impl Revision {
    /// Brings a revision up to where it can be called; nothing is called yet.
    pub(super) async fn prepare(cx: &Context, assigned: AssignedActor) -> Result<Arc<Self>, Error> {
        let component = fetch(cx, &assigned).await?;
        let links = LinkTable::new(assigned.name.clone(), assigned.spec.links.clone());
        let pre = cx.imports.link(&component, &links)?;
        let exports = Exports::of(cx.engine.wasm(), &component);
        let http = match exports.serves_http() {
            true => Some(Handler::new(pre.clone()).map_err(start_failed)?),
            false => None,
        };
        // The first instance would otherwise pay for it.
        component.initialize_copy_on_write_image().map_err(start_failed)?;
        let limits = &assigned.spec.limits;
        let waiting_max = usize::try_from(limits.waiting).unwrap_or(usize::MAX);
        let revision = Self {
            door: Admission::new(assigned.slots, waiting_max),
            log: Log::open(
                cx.client.clone(),
                cx.host.clone(),
                assigned.name.clone(),
                limits.log_bytes_per_s,
            ),
            detail: detail(cx, &assigned, &component, &links, &exports),
            links: Arc::new(links),
            cx: cx.clone(),
            assigned,
            pre,
            http,
            exports,
        };
        revision.try_start().await?;
        Ok(Arc::new(revision))
    }

    /// Instantiates the component once: what fails at its start should fail before any call.
    async fn try_start(&self) -> Result<(), Error> {
        let call = lattice_protocol::call::Context::default();
        let deadline = Instant::now() + call.remaining;
        let (mut store, tail) = self.store(&call, deadline.into_std());
        match tokio::time::timeout_at(deadline, self.pre.instantiate_async(&mut store)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Start(format!("{error:#} {}", tail.text()))),
            Err(_) => Err(Error::Start("its start took too long".into())),
        }
    }

    /// Takes a call in: it runs, waits its turn, or is refused at once.
    pub(super) async fn accept(self: &Arc<Self>, incoming: Incoming) {
        let deadline = self.deadline(&incoming);
        let revision = self.clone();
        match self.door.enter() {
            Entry::Slot(slot) => {
                tokio::spawn(async move {
                    revision.run(incoming, deadline).await;
                    drop(slot);
                });
            }
            Entry::Waiting(waiting) => {
                tokio::spawn(async move {
                    match tokio::time::timeout_at(deadline, waiting.slot()).await {
                        Ok(Some(slot)) => {
                            revision.run(incoming, deadline).await;
                            drop(slot);
                        }
                        _ => incoming.responder.reply(Err(revision.too_late())).await,
                    }
                });
            }
            Entry::Full => incoming.responder.reply(Err(self.full())).await,
        }
    }

    async fn run(&self, incoming: Incoming, deadline: Instant) {
        let call = super::call::Call {
            revision: self,
            endpoint: incoming.endpoint,
            context: incoming.context,
            payload: incoming.payload,
            deadline,
        };
        let result = call.run().await;
        incoming.responder.reply(result).await;
    }

    /// The caller's deadline or the actor's own, whichever is first, from when the call came.
    fn deadline(&self, incoming: &Incoming) -> Instant {
        let own = std::time::Duration::from_millis(self.limits().time_ms);
        Instant::from_std(incoming.received) + incoming.context.remaining.min(own)
    }

    /// A store for one call, and the last that its guest says on standard error.
    pub(super) fn store(
        &self,
        call: &lattice_protocol::call::Context,
        deadline: std::time::Instant,
    ) -> (wasmtime::Store<Guest>, super::log::Tail) {
        let output = self.log.output(call.id);
        let tail = output.tail();
        let outbox = Outbox::new(
            self.cx.client.clone(),
            self.assigned.name.clone(),
            call.clone(),
            deadline,
        );
        let parts = GuestParts {
            limits: self.limits(),
            links: self.links.clone(),
            outbox,
            output,
            deadline,
        };
        (Guest::store(self.cx.engine.wasm(), parts), tail)
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
            format!("the call waited for actor {} until its time was over", self.assigned.name),
        )
    }
}

fn start_failed(error: wasmtime::Error) -> Error {
    Error::Start(format!("{error:#}"))
}

/// From disk if it was compiled here before, else from the lattice.
async fn fetch(cx: &Context, assigned: &AssignedActor) -> Result<Component, Error> {
    if let Some(component) = cx.engine.cached(&assigned.component).await {
        return Ok(component);
    }
    let bytes = cx.artifacts.pull(&assigned.component).await?;
    Ok(cx.engine.compile(&assigned.component, bytes, &assigned.spec.limits).await?)
}

fn detail(
    cx: &Context,
    assigned: &AssignedActor,
    component: &Component,
    links: &LinkTable,
    exports: &Exports,
) -> ActorDetail {
    let imports = component::imports(cx.engine.wasm(), component)
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
