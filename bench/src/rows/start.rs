//! One more actor on a running host: from the request to the first answer of the actor, polled
//! without a pause. Not compiled before, beside compiling alone; compiled before, beside mapping the
//! compiled file alone. Components are in the lattice already, each under a digest of its own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;
use lattice_protocol::control::{ActorStart, Applied, ByActor, Verb};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::ActorName;
use lattice_protocol::interface::Endpoint;
use wasmtime::component::Component;

use super::Bench;
use crate::figure::{Target, Unit, median};
use crate::guest::variant;
use crate::measure::figure;
use crate::report::Report;
use crate::world::World;

/// Starts in all: each is one number, not a rate, so there are more of them than rounds.
const STARTS_PER_ROUND: u32 = 3;
/// Far above what compiling takes.
const START_WITHIN: Duration = Duration::from_secs(60);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let echo = bench.guests.read("types")?;
    let engine = host::engine::Engine::new(&world.folder().join("alone"), 16)?;
    let compiled = world.folder().join("alone.cwasm");

    let (mut cold, mut warm, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..=bench.plan.rounds * STARTS_PER_ROUND {
        let component = variant(&echo, number);
        let digest = world.push(&component).await?;
        let began = Instant::now();
        let code = engine.wasm().precompile_component(&component);
        let compiling = millis(began);
        std::fs::write(&compiled, code.map_err(|error| anyhow!("{error:#}"))?)?;
        let not_compiled = start(world.client(), &format!("cold-{number}"), &digest).await?;
        let mapping = map(engine.wasm(), &compiled)?;
        let compiled_before = start(world.client(), &format!("warm-{number}"), &digest).await?;
        // The first of each pays for what all others share.
        if number > 0 {
            cold.push((not_compiled.answers, compiling));
            warm.push((compiled_before.answers, mapping));
            asked.push(compiled_before.asked);
        }
    }
    let mut report = Report::default();
    let what = "one more actor, not compiled before";
    let ratio = Target::RatioAtMost(1.3);
    report.add([figure(what, "compiling alone", Unit::Millis, ratio, &cold)]);
    let what = "one more actor, compiled before";
    let within = Target::AtMost(10.0);
    report.add([figure(
        what,
        "mapping the compiled file alone",
        Unit::Millis,
        within,
        &warm,
    )]);
    report.note(format!(
        "{what}: after {:.2} ms the request was answered, as what is declared was on disk",
        median(&asked)
    ));
    host.stop().await;
    Ok(report)
}

/// How long a start took, in milliseconds.
struct Started {
    /// Until the request was answered.
    asked: f64,
    /// Until the actor answered.
    answers: f64,
}

/// Starts an actor, and stops it when it has answered.
async fn start(client: &Client, name: &str, component: &Digest) -> anyhow::Result<Started> {
    let name: ActorName = name.parse()?;
    let request = ActorStart {
        name: name.clone(),
        component: component.to_string(),
        instances: 1,
        config: Default::default(),
        links: None,
        limits: None,
        labels: Default::default(),
        if_revision: None,
    };
    let began = Instant::now();
    let _: serde_json::Value = client.control(Verb::ActorStart, &request).await?;
    let asked = millis(began);
    until_answered(client, &name, began).await?;
    let answers = millis(began);
    let stop = ByActor {
        name,
        if_revision: None,
    };
    let _: Applied = client.control(Verb::ActorStop, &stop).await?;
    Ok(Started { asked, answers })
}

/// Until an actor answers, the server itself says at once that nobody does.
async fn until_answered(client: &Client, name: &ActorName, began: Instant) -> anyhow::Result<()> {
    let endpoint: Endpoint = "lattice:test/types.nothing".parse()?;
    loop {
        let call = Call {
            target: name.into(),
            endpoint: endpoint.clone(),
            context: Context::default(),
            payload: Bytes::new(),
            streams: lattice_client::stream::Streams::default(),
        };
        match client.call(call).await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > START_WITHIN => bail!("{name} does not start: {error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn map(engine: &wasmtime::Engine, file: &std::path::Path) -> anyhow::Result<f64> {
    let began = Instant::now();
    // SAFETY: this process wrote the file a moment ago, with this engine, into a folder of its own.
    let component = unsafe { Component::deserialize_file(engine, file) };
    let took = millis(began);
    component
        .ok()
        .context("what was compiled can't be mapped")?;
    Ok(took)
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
