//! A host: starts everything that runs in it, and stops it in order.

mod running;

use std::sync::Arc;

use lattice_client::{
    ArtifactError, Artifacts, Client, ConnectError, ServeError, State, StateError, System,
};
use lattice_protocol::id::HostId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::actor::{self, Actors, Starting};
use crate::capability::Imports;
use crate::control::{self, Desk, Leave, Trail};
use crate::engine::{self, Engine};
use crate::event::Events;
use crate::labels::Labels;
use crate::metrics::HostMetrics;
use crate::options::{LabelError, Options, check_labels};
use crate::peers::Peers;
use crate::provider::inline::Around;
use crate::provider::{self, Providers};
use crate::reconcile::collector::Collector;
use crate::reconcile::configs::Configs;
use crate::reconcile::election::{Election, Epoch};
use crate::reconcile::evict::Evictor;
use crate::reconcile::follower::Follower;
use crate::reconcile::home::{self, Home};
use crate::reconcile::leader::Leader;
use crate::report::Reporter;
use crate::route::Router;
use running::Running;

/// Why a host does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to the lattice.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The state can't be opened.
    #[error(transparent)]
    State(#[from] StateError),
    /// The components can't be opened.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The data directory can't be used.
    #[error(transparent)]
    Home(#[from] home::Error),
    /// The labels are refused.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The WebAssembly engine can't be set up.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// What actors import can't be set up.
    #[error("failed to set up what actors import: {0}")]
    Imports(String),
    /// What it does can't be shown.
    #[error(transparent)]
    Telemetry(#[from] lattice_telemetry::Error),
    /// A subject can't be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A host that runs; clones are the same host. It goes on until [`Host::shutdown`].
#[must_use = "a host runs until it is shut down"]
#[derive(Clone)]
pub struct Host {
    id: HostId,
    leave: watch::Receiver<Option<Leave>>,
    running: Arc<tokio::sync::Mutex<Option<Running>>>,
    /// Its metrics are shown for as long as it is there.
    _shown: Option<Arc<HostMetrics>>,
}

/// Runs a host until `shutdown`, or until an operator asks it to leave.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let host = Host::start(options).await?;
    let how = tokio::select! {
        () = shutdown.cancelled() => Leave::Stop,
        how = host.asked_to_leave() => how,
    };
    match how {
        Leave::Stop => host.shutdown().await,
        // A second word is a stop: nobody has to wait for the others.
        Leave::Drain => tokio::select! {
            () = host.drain() => {}
            () = shutdown.cancelled() => host.shutdown().await,
            () = host.asked_to_stop() => host.shutdown().await,
        },
    }
    Ok(())
}

impl Host {
    /// Joins the lattice.
    pub async fn start(options: Options) -> Result<Self, Error> {
        check_labels(&options.labels)?;
        let client = Client::connect(options.client.clone())
            .await?
            .with_replicas(options.replicas)
            .gathering(options.gathered_bytes_max);
        let state = client.state().await?;
        let artifacts = client.artifacts().await?;
        let system = match &options.system_creds {
            Some(creds) => Some(System::connect(&options.client, creds).await?),
            None => None,
        };
        let home = Arc::new(Home::open(&options.data, options.id.clone())?);
        let id = home.id().clone();

        let events = Events::new(client.clone(), id.clone());
        let peers = Peers::new(id.clone());
        let configs = Configs::new(client.clone());
        let (actors, router, shown) = actors(
            &options, &client, &id, &artifacts, &events, &peers, &configs,
        )?;
        let providers = providers(&options, &client, &id, &events, &router);
        let reporter = Reporter::new(
            id.clone(),
            options.capacity,
            Labels::open(&options.data, options.labels)?,
            actors.clone(),
            providers.clone(),
            events.clone(),
        );
        let (leave, asked) = watch::channel(None);
        let desk = Desk {
            host: id.clone(),
            client: client.clone(),
            state: state.clone(),
            artifacts,
            peers: peers.clone(),
            actors: actors.clone(),
            reporter: reporter.clone(),
            events,
            leave: Arc::new(leave),
            trail: Trail::default(),
        };
        let running = Running::new(client, peers, reporter, actors, providers);
        let collector = Collector::new(
            desk.client.clone(),
            desk.artifacts.clone(),
            options.component_grace,
        );
        let evictor = system.map(|system| {
            Evictor::new(system, desk.client.clone(), id.clone(), desk.peers.clone())
        });
        running.listen(configs.follow(running.tokens.listen.clone()));
        begin(&running, state, home, Arc::new(desk), evictor, collector).await?;
        tracing::info!(host = %id, "joined");
        Ok(Self {
            id,
            leave: asked,
            running: Arc::new(tokio::sync::Mutex::new(Some(running))),
            _shown: shown,
        })
    }

    /// This host.
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// Waits until an operator asks this host to leave.
    pub async fn asked_to_leave(&self) -> Leave {
        let mut leave = self.leave.clone();
        match leave.wait_for(Option::is_some).await {
            Ok(asked) => (*asked).unwrap_or(Leave::Stop),
            // Nobody is left who could ask.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until an operator asks this host to stop, be it that it drains by now.
    async fn asked_to_stop(&self) {
        let mut leave = self.leave.clone();
        let stop = |leave: &Option<Leave>| *leave == Some(Leave::Stop);
        if leave.wait_for(stop).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }

    /// Leaves after others have taken the work, then as [`Host::shutdown`].
    pub async fn drain(&self) {
        if let Some(running) = self.running.lock().await.as_ref() {
            running.announce_leaving().await;
            running.handed_over().await;
        }
        self.shutdown().await;
    }

    /// Leaves in order. When it returns, nothing of this host runs; a second time does nothing.
    pub async fn shutdown(&self) {
        // Whoever comes second waits for the first: both may rely on the end.
        let mut running = self.running.lock().await;
        if let Some(running) = running.as_ref() {
            running.stop().await;
        }
        *running = None;
    }
}

/// What runs actors, and finds the way of their calls.
fn actors(
    options: &Options,
    client: &Client,
    id: &HostId,
    artifacts: &Artifacts,
    events: &Events,
    peers: &Peers,
    configs: &Configs,
) -> Result<(Actors, Router, Option<Arc<HostMetrics>>), Error> {
    let engine = Engine::new(&options.data, options.capacity)?;
    let imports =
        Imports::new(engine.wasm()).map_err(|error| Error::Imports(format!("{error:#}")))?;
    let telemetry = options.telemetry.clone();
    let router = Router::shown(client.clone(), id.clone(), peers.clone(), telemetry);
    let actors = Actors::new(actor::Context {
        client: client.clone(),
        host: id.clone(),
        engine: engine.clone(),
        imports,
        allow: Arc::new(options.allow.clone()),
        configs: configs.clone(),
        artifacts: artifacts.clone(),
        starting: Starting::default(),
        events: events.clone(),
        router: router.clone(),
    });
    router.attach(&actors);
    router.open(options.inline.doors());
    let shown = HostMetrics::show(&options.telemetry, &actors, engine, client.clone());
    Ok((actors, router, shown))
}

/// What runs providers.
fn providers(
    options: &Options,
    client: &Client,
    id: &HostId,
    events: &Events,
    router: &Router,
) -> Providers {
    Providers::new(provider::Context {
        client: client.clone(),
        host: id.clone(),
        client_options: options.client.clone(),
        program: options.program.clone(),
        creds: options.provider_creds.clone(),
        kinds: options.inline.clone(),
        around: Around {
            telemetry: options.telemetry.clone(),
            out: router.out(),
        },
        events: events.clone(),
    })
}

/// Begins to listen, to answer and to follow. Subscriptions come first: what fails here fails the
/// start, before the host has said that it is there.
async fn begin(
    running: &Running,
    state: State,
    home: Arc<Home>,
    desk: Arc<Desk>,
    evictor: Option<Evictor>,
    collector: Collector,
) -> Result<(), Error> {
    let (client, id) = (desk.client.clone(), desk.host.clone());
    running.listen(
        desk.peers
            .listen(&client, running.tokens.listen.clone())
            .await?,
    );
    let (stop, cancels) = (running.tokens.listen.clone(), client.hear_cancels().await?);
    running.listen(async move { stop.run_until_cancelled(cancels).await.unwrap_or(()) });
    let calls = client.serve_host(&id).await?;
    let asked = client.serve_host_control(&id).await?;
    let asked_of_any = client.serve_control().await?;
    // Whoever saw this host start may ask it at once.
    client.settle().await;

    running.calls(calls);
    // Until the very end: as long as it answers, something may still run here.
    let (desk_of_host, stop) = (desk.clone(), running.tokens.listen.clone());
    running.listen(control::serve(asked, desk_of_host, stop));
    running.control(control::serve(
        asked_of_any,
        desk.clone(),
        running.tokens.control.clone(),
    ));
    running
        .announce(desk.reporter.clone(), client.max_payload())
        .await;

    let epoch = Epoch::new(home.epoch());
    let (peers, events) = (desk.peers.clone(), desk.events.clone());
    let leader = Leader::new(
        client.clone(),
        id.clone(),
        peers,
        events,
        evictor,
        collector,
    );
    let election = Election::new(client.clone(), state.clone(), id, epoch.clone(), leader);
    let (actors, providers) = (running.actors.clone(), running.providers.clone());
    let reporter = desk.reporter.clone();
    let follower = Follower::new(client, state, home, epoch, actors, providers, reporter);
    running.reconcile(follower.run(running.tokens.reconcile.clone()));
    running.reconcile(election.run(running.tokens.reconcile.clone()));
    Ok(())
}
