//! A host at rest: its memory, what an idle actor adds to it, and how long it takes to grow an actor
//! from one instance to a thousand.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use host::engine::Engine;
use lattice_protocol::control::{ActorScale, Verb};
use lattice_protocol::digest::Digest;
use lattice_protocol::event::Kind;
use lattice_protocol::subject;
use wasmtime::component::Component;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::report::Report;
use crate::usage::resident_kib;
use crate::world::World;

/// How long a host is left alone before it is looked at: several heartbeats and leases.
const REST: Duration = Duration::from_secs(3);
/// Actors declared at a time, of one component.
const ACTORS: usize = 200;
const SCALE_WITHIN: Duration = Duration::from_secs(30);
const INSTANCES: u32 = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let digest = world.push(&bench.guests.read("types")?).await?;

    let at_rest = resident(&host).await?;
    world.apply(actors("first", &digest)?).await?;
    let first = resident(&host).await?;
    world.apply(actors("second", &digest)?).await?;
    let second = resident(&host).await?;

    let mapped = mapped(bench)?;

    let mut report = Report::default();
    let (all, anonymous) = at_rest;
    let each = |after: (f64, f64), before: (f64, f64)| (after.0 - before.0) / ACTORS as f64;
    report.add([
        Figure::plain(
            "host at rest, RSS",
            Unit::Mebibytes,
            all / 1024.0,
            Target::AtMost(25.0),
        ),
        Figure::plain(
            format!("idle actor, of the first {ACTORS}"),
            Unit::Kibibytes,
            each(first, at_rest),
            Target::AtMost(20.0),
        ),
        Figure::plain(
            format!("idle actor, of {ACTORS} more"),
            Unit::Kibibytes,
            each(second, first),
            Target::AtMost(20.0),
        ),
    ]);
    report.note(format!(
        "idle actor: mapping the component anew for each takes {mapped:.1} KiB by itself"
    ));
    report.note(format!(
        "host at rest: {:.1} MiB that no file backs; with {ACTORS} actors {:.1}, with {} {:.1}",
        anonymous / 1024.0,
        first.1 / 1024.0,
        2 * ACTORS,
        second.1 / 1024.0,
    ));
    report.add([scale(&world).await?]);
    host.stop().await;
    Ok(report)
}

async fn resident(host: &crate::world::HostProcess) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(REST).await;
    resident_kib(host.pid()?)
}

fn actors(app: &str, component: &Digest) -> anyhow::Result<String> {
    let mut manifest = format!("name = \"{app}\"\n");
    for number in 0..ACTORS {
        writeln!(manifest, "[actor.{app}-{number}]")?;
        writeln!(manifest, "component = \"{component}\"\ninstances = 1")?;
    }
    Ok(manifest)
}

/// What one component takes in this process if it is mapped anew for each actor, in KiB.
fn mapped(bench: &Bench) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::new(folder.path(), 1)?;
    let file = folder.path().join("component.cwasm");
    let code = engine
        .wasm()
        .precompile_component(&bench.guests.read("types")?);
    std::fs::write(&file, code.map_err(|error| anyhow!("{error:#}"))?)?;
    let (before, _) = resident_kib(std::process::id())?;
    let mut kept = Vec::new();
    for _ in 0..ACTORS {
        // SAFETY: this process wrote the file a moment ago, with this engine, into a folder of its
        // own.
        let component = unsafe { Component::deserialize_file(engine.wasm(), &file) };
        kept.push(component.map_err(|error| anyhow!("{error:#}"))?);
    }
    let (after, _) = resident_kib(std::process::id())?;
    drop(kept);
    Ok((after - before) / ACTORS as f64)
}

/// From the request to the host's own word that it has done it.
async fn scale(world: &World) -> anyhow::Result<Figure> {
    let plain = world.plain().await?;
    let events = subject::event(world.client().lattice(), Kind::ActorScaled).into_string();
    let mut events = plain.subscribe(events).await?;
    plain.flush().await?;
    let request = ActorScale {
        name: "first-0".parse()?,
        instances: INSTANCES,
        if_revision: None,
    };
    let began = Instant::now();
    let _: serde_json::Value = world.client().control(Verb::ActorScale, &request).await?;
    let scaled = tokio::time::timeout(SCALE_WITHIN, events.next());
    scaled
        .await
        .context("no actor.scaled came")?
        .context("the connection was closed")?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    let what = format!("scale 1 → {INSTANCES} instances");
    Ok(Figure::plain(
        what,
        Unit::Millis,
        took,
        Target::AtMost(1000.0),
    ))
}
