//! One revision of an actor, ready to be called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lattice_client::stream::Deadline;
use lattice_client::{ArtifactError, StateError};
use lattice_config::{AssignedActor, Limits};
use lattice_protocol::call::Context as CallContext;
use lattice_protocol::control::ActorDetail;
use lattice_protocol::id::LatticeId;
use lattice_telemetry::Telemetry;
use lattice_telemetry::metrics::ActorCounts;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Context;
use super::admission::{Admission, Load};
use super::code::Code;
use super::instance::Instances;
use super::log::{About, Log, Tail};
use super::meters::Meters;
use super::watcher;
use crate::allow;
use crate::capability::http::Handler;
use crate::capability::{self, Errand, Granted, GuestParts, Linked, Settings};
use crate::component;
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
    #[error("the component was not there after {0:?}")]
    Slow(Duration),
    /// Its component can't be compiled.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// Its imports are not answered.
    #[error(transparent)]
    Link(#[from] capability::Error),
    /// None of its exports can be called.
    #[error(transparent)]
    Export(#[from] component::Uncallable),
    /// Others call what it lacks.
    #[error(
        "links or routes lead here for {0}, which the revision before exports and this one doesn't: \
         export it, or change those first"
    )]
    Lost(String),
    /// A link of it wants to tell what it does not hear.
    #[error(transparent)]
    Unheard(#[from] watcher::Unheard),
    /// The host does not allow what it is granted.
    #[error(transparent)]
    Allow(#[from] allow::Error),
    /// The named configs that it reads can't be had.
    #[error("the configs it reads can't be had: {0}")]
    Configs(#[from] StateError),
    /// Its folders or its named configs don't answer.
    #[error("its folders or configs have not answered in {0:?}")]
    Unanswered(Duration),
    /// It was instantiated once to see that it starts, and didn't.
    #[error("the component does not start: {0}")]
    Start(String),
    /// It can't be reached.
    #[error(transparent)]
    Serve(#[from] lattice_client::ServeError),
}

impl Error {
    /// Whether it may pass by itself: something that the start needs could not be reached. All else is
    /// so on this host whenever it is tried.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Artifact(error) => matches!(
                error,
                ArtifactError::NotFound(_) | ArtifactError::Unavailable { .. }
            ),
            Self::Engine(error) => {
                matches!(error, engine::Error::Setup(_) | engine::Error::Cache { .. })
            }
            Self::Slow(_) | Self::Configs(_) | Self::Unanswered(_) | Self::Serve(_) => true,
            Self::Link(_)
            | Self::Export(_)
            | Self::Lost(_)
            | Self::Unheard(_)
            | Self::Allow(_)
            | Self::Start(_) => false,
        }
    }
}

/// How many calls that found no room may be on their way to peers: they hold their payloads here.
const FORWARDS_MAX: usize = 256;
/// How long an actor's folders and named configs have to answer when it starts: much more than a disk
/// or a store that is there needs. Then the start has failed, and is tried again.
const PARTS_TIME: Duration = Duration::from_secs(30);

/// A revision that can be called.
pub(super) struct Revision {
    pub(super) assigned: Arc<AssignedActor>,
    /// What it shares with other actors of the same component.
    pub(super) code: Arc<Code>,
    pub(super) instances: Instances,
    pub(super) http: Option<Handler>,
    pub(super) log: Log,
    /// Where its calls are counted, if anybody reads that.
    pub(super) meters: Option<Meters>,
    /// Whether its engine runs instances concurrently: wasmtime can't nest such calls in one task.
    pub(super) concurrent: bool,
    /// How many calls may be on their way to peers at once.
    pub(super) forwards: Arc<Semaphore>,
    pub(super) door: Admission,
    /// What the actor does beside being called, if anybody reads that.
    counts: Option<Arc<ActorCounts>>,
    pub(super) cx: Arc<Context>,
}

impl Revision {
    /// Brings a revision up to where it can be called; nothing is called yet. Its `door` leads into the
    /// same room as that of the one before, if there is one.
    pub(super) async fn prepare(
        cx: &Arc<Context>,
        assigned: Arc<AssignedActor>,
        door: Option<Admission>,
    ) -> Result<Arc<Self>, Error> {
        let code = cx.starting.code(cx, &assigned).await?;
        code.exports.check()?;
        let links = LinkTable::new(assigned.name.clone(), assigned.spec.links.clone());
        // Before its turn: what never answers may hold up nobody else's start.
        let parts = tokio::time::timeout(PARTS_TIME, parts(cx, &assigned, &links))
            .await
            .map_err(|_| Error::Unanswered(PARTS_TIME))??;
        let _turn = cx.starting.turn().await;
        let component = &code.component;
        let linked = cx.imports.link(component, &links, &code.given)?;
        watcher::check(&code.exports, &assigned.spec.links)?;
        let http = code.handler(&linked.pre).map_err(start_failed)?;
        // The first instance would otherwise pay for it.
        component
            .initialize_copy_on_write_image()
            .map_err(start_failed)?;
        let limits = &assigned.spec.limits;
        let revision = Self {
            forwards: Arc::new(Semaphore::new(FORWARDS_MAX)),
            door: door.unwrap_or_else(|| Admission::new(assigned.slots, waiting_max(limits))),
            log: Log::open(
                cx.client.clone(),
                cx.host.clone(),
                assigned.name.clone(),
                limits.log_bytes_per_s,
            ),
            concurrent: !wasmtime::Engine::same(component.engine(), cx.engine.wasm()),
            instances: instances(cx, linked, &assigned, parts),
            meters: Meters::of(&code.exports, cx.router.telemetry(), assigned.name.as_str()),
            counts: cx
                .router
                .telemetry()
                .registry()
                .map(|r| r.actor(assigned.name.as_str())),
            cx: cx.clone(),
            assigned,
            http,
            code,
        };
        if let Some(counts) = &revision.counts {
            revision.instances.count(counts.clone());
        }
        revision.try_start().await?;
        Ok(Arc::new(revision))
    }

    /// Instantiates the component once: what fails at its start should fail before any call.
    async fn try_start(&self) -> Result<(), Error> {
        let call = CallContext::default();
        let deadline = Instant::now() + call.remaining;
        let (errand, tail) = self.errand(&call, deadline.into_std().into());
        match tokio::time::timeout_at(deadline, self.instances.make(errand)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Start(format!("{error:#} {}", tail.text()))),
            Err(_) => Err(Error::Start("its start took too long".into())),
        }
    }

    /// What an instance is sent out with for one call, and the last that its guest says on
    /// standard error.
    pub(super) fn errand(&self, call: &CallContext, deadline: Deadline) -> (Errand, Tail) {
        let output = self.log.output(About::call(call));
        let tail = output.tail();
        let outbox = Outbox::new(
            self.cx.router.clone(),
            self.assigned.name.clone(),
            call.clone(),
            deadline.clone(),
        )
        .counted(self.counts.clone());
        let errand = Errand {
            deadline,
            outbox: Some(outbox),
            output: Some(output),
        };
        (errand, tail)
    }

    pub(super) fn lattice(&self) -> &LatticeId {
        self.cx.client.lattice()
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        self.cx.router.telemetry()
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.assigned.spec.limits
    }

    /// What can be called, and who answers what it imports.
    pub(super) fn detail(&self) -> ActorDetail {
        ActorDetail {
            name: self.assigned.name.clone(),
            component: self.assigned.component.clone(),
            endpoints: self.code.exports.describe(),
            imports: self.answers(),
        }
    }

    /// Who answers each import.
    fn answers(&self) -> BTreeMap<String, String> {
        let assigned = &self.assigned;
        let links = LinkTable::new(assigned.name.clone(), assigned.spec.links.clone());
        let component = &self.code.component;
        component::imports(component.engine(), component)
            .into_iter()
            .map(|import| {
                let link = import.interface.as_ref().and_then(|i| links.default_for(i));
                let answer = link.map_or_else(|| "given".to_owned(), |link| link.to.to_string());
                (import.name, answer)
            })
            .collect()
    }

    /// How busy it is.
    pub(super) fn load(&self) -> Load {
        self.door.load()
    }

    /// Whether it answers whatever others ask that the one before it answers. What neither does is the
    /// fault of who asks, and no reason to keep the one before.
    pub(super) fn follows(&self, before: &Self) -> Result<(), Error> {
        let (was, is) = (&before.code.exports, &self.code.exports);
        let asked = self.assigned.asked.iter();
        let lost = asked.filter(|link| was.answers(link) && !is.answers(link));
        let lost: Vec<_> = lost.map(ToString::to_string).collect();
        match lost[..] {
            [] => Ok(()),
            _ => Err(Error::Lost(lost.join(", "))),
        }
    }

    /// What it declares counts from here on, also for those that still wait for the one before.
    pub(super) fn take_over(&self) {
        self.door.resize(self.assigned.slots);
        self.door.queue(waiting_max(self.limits()));
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
}

fn waiting_max(limits: &Limits) -> usize {
    usize::try_from(limits.waiting).unwrap_or(usize::MAX)
}

/// What its guests are made from: grants are checked and opened, configs are read.
async fn parts(
    cx: &Context,
    assigned: &AssignedActor,
    links: &LinkTable,
) -> Result<GuestParts, Error> {
    let spec = &assigned.spec;
    let named = cx.configs.open(&spec.config_from).await?;
    let (name, allow, granted) = (assigned.name.clone(), cx.allow.clone(), spec.clone());
    // A folder may be on a disk that is slow to answer.
    let granted = move || Granted::new(&name, &granted, &allow);
    let granted = tokio::task::spawn_blocking(granted)
        .await
        .map_err(|error| Error::Start(error.to_string()))??;
    Ok(GuestParts {
        limits: spec.limits.clone(),
        links: Arc::new(links.clone()),
        opened: Arc::default(),
        settings: Settings::new(spec.config.clone(), named),
        granted: Arc::new(granted),
    })
}

fn instances(
    cx: &Context,
    linked: Linked,
    assigned: &AssignedActor,
    parts: GuestParts,
) -> Instances {
    let spec = &assigned.spec;
    let idle = cx.engine.idle().clone();
    Instances::new(linked, parts, spec.instance, assigned.slots, idle)
}

fn start_failed(error: wasmtime::Error) -> Error {
    Error::Start(format!("{error:#}"))
}
