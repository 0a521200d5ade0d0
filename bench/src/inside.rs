//! A host's own call path in this process: from a call to its result, without NATS in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use host::actor::{self, Actors, Starting};
use host::capability::Imports;
use host::engine::Engine;
use host::event::Events;
use host::peers::Peers;
use host::reconcile::configs::Configs;
use host::route::Router;
use lattice_client::stream::Streams;
use lattice_client::{Call, Client, Reply};
use lattice_config::{AssignedActor, Assignment, Manifest, Revision};
use lattice_protocol::call::{Context, DEADLINE_DEFAULT};
use lattice_protocol::digest::Digest;
use lattice_protocol::error::CallError;
use lattice_protocol::id::HostId;
use lattice_protocol::report::Phase;

use crate::load::Work;
use crate::world::{World, client_options, until};

/// Calls at once that an actor takes here: more than any row makes.
const SLOTS: u32 = 64;
/// The name of the app that the actors are said to belong to.
const APP: &str = "bench";

/// Actors as a host has them.
pub(crate) struct Inside {
    actors: Actors,
    engine: Engine,
}

impl Inside {
    /// Runs the actors of a manifest whose components are named by their digests.
    pub(crate) async fn start(world: &World, manifest: &str) -> anyhow::Result<Self> {
        let client = Client::connect(client_options(&world.url(), "inside")).await?;
        let engine = Engine::new(&world.folder().join("inside"), SLOTS * 4)?;
        let imports = Imports::new(engine.wasm()).map_err(|error| anyhow!("{error:#}"))?;
        let host = HostId::random();
        let router = Router::new(client.clone(), host.clone(), Peers::new(host.clone()));
        let actors = Actors::new(actor::Context {
            starting: Starting::default(),
            client: client.clone(),
            host: host.clone(),
            engine: engine.clone(),
            imports,
            artifacts: client.artifacts().await?,
            events: Events::new(client.clone(), host),
            router: router.clone(),
            allow: Arc::default(),
            configs: Configs::new(client),
        });
        router.attach(&actors);
        let assignment = assignment(manifest)?;
        actors.assign(&assignment.actors);
        until("the actors run", async || {
            let report = actors.report();
            let running = report
                .values()
                .filter(|actor| actor.phase == Phase::Running)
                .count();
            ensure!(running == assignment.actors.len(), "{report:?}");
            Ok(())
        })
        .await?;
        Ok(Self { actors, engine })
    }

    /// The engine they run on.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// So many callers of one function.
    pub(crate) fn callers(
        &self,
        (actor, endpoint): (&str, &str),
        payload: &Bytes,
        callers: usize,
    ) -> anyhow::Result<Vec<Caller>> {
        let one = || self.call((actor, endpoint), payload.clone(), DEADLINE_DEFAULT);
        std::iter::repeat_with(one).take(callers).collect()
    }

    /// One call that has so much time.
    pub(crate) fn call(
        &self,
        (actor, endpoint): (&str, &str),
        payload: Bytes,
        time: Duration,
    ) -> anyhow::Result<Caller> {
        let call = Call {
            target: actor.parse()?,
            endpoint: endpoint.parse()?,
            context: Context {
                remaining: time,
                ..Context::default()
            },
            payload,
            streams: Streams::default(),
        };
        Ok(Caller {
            actors: self.actors.clone(),
            call,
        })
    }

    pub(crate) async fn stop(self) {
        self.actors.shutdown().await;
    }
}

/// Calls an actor the way an actor of the same host does.
pub(crate) struct Caller {
    actors: Actors,
    call: Call,
}

impl Caller {
    /// How the call ends.
    pub(crate) async fn answered(&self) -> anyhow::Result<Result<Reply, CallError>> {
        let answer = self.actors.call_here(&self.call, false).await;
        answer.context("the actor has no room")
    }
}

impl Work for Caller {
    async fn once(&mut self) -> anyhow::Result<()> {
        let reply = self.answered().await??;
        ensure!(
            reply.payload.len() >= self.call.payload.len() - 1,
            "a short answer"
        );
        Ok(())
    }
}

fn assignment(manifest: &str) -> anyhow::Result<Assignment> {
    let resolved = Manifest::parse(manifest)?.resolve(&BTreeMap::new());
    let app = resolved.map_err(|unresolved| anyhow!("{unresolved:?}"))?;
    let mut assignment = Assignment::default();
    for (name, actor) in app.actors {
        let component: Digest = actor.component.digest().context("no digest")?.clone();
        let spec = actor.spec();
        assignment.actors.push(AssignedActor {
            name,
            app: APP.parse()?,
            revision: Revision::of_actor(&component, &spec),
            slots: SLOTS,
            component,
            spec,
            asked: Default::default(),
        });
    }
    Ok(assignment)
}
