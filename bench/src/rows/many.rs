//! Ten thousand actors on one host: how long until each of them answers, what they take while they
//! rest, and how long a host that starts anew takes to have all of them again.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use lattice_client::stream::Streams;
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;
use lattice_protocol::control::{ActorSummary, AppApply, Applied, Nothing, Verb};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::ActorName;
use lattice_protocol::interface::Endpoint;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::report::Report;
use crate::usage::resident_kib;
use crate::world::{HostProcess, World};

const ACTORS: usize = 10_000;
/// Actors of one app: its manifest fits one message.
const ACTORS_PER_APP: usize = 1_000;
/// How many are called at once.
const CALLERS: usize = 64;
/// Far above what starting all of them takes.
const START_WITHIN: Duration = Duration::from_secs(300);
/// Between two calls of an actor that does not run yet.
const CALL_AGAIN: Duration = Duration::from_millis(5);
/// How long a host is left alone before it is looked at: several heartbeats and leases.
const REST: Duration = Duration::from_secs(5);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let component = world.push(&bench.guests.read("types")?).await?;
    let actors = names()?;
    let mut report = Report::default();
    let plain = |what: &str, unit, ours, target| {
        Figure::plain(format!("{ACTORS} actors, {what}"), unit, ours, target)
    };

    let before = resident(&host).await?;
    let began = Instant::now();
    for app in 0..ACTORS / ACTORS_PER_APP {
        let manifest = manifest(app, &component)?;
        let if_revision = None;
        let request = AppApply {
            manifest,
            if_revision,
        };
        let _: Applied = world.client().control(Verb::AppApply, &request).await?;
    }
    let declared = millis(began);
    until_all_answer(world.client(), &actors).await?;
    let callable = millis(began);
    let rest = resident(&host).await?;
    let answered = answered(world.client(), &actors).await;
    let listed = list(world.client()).await?;
    report.add([
        plain("until each answers", Unit::Millis, callable, Target::None),
        plain(
            "an idle one",
            Unit::Kibibytes,
            (rest.0 - before.0) / ACTORS as f64,
            Target::AtMost(20.0),
        ),
        plain("host, RSS", Unit::Mebibytes, rest.0 / 1024.0, Target::None),
        plain(
            "one call of each, not answered",
            Unit::Count,
            (ACTORS - answered) as f64,
            Target::AtMost(0.0),
        ),
        plain("listed", Unit::Millis, listed, Target::None),
    ]);
    report.note(format!(
        "{ACTORS} actors: declared after {declared:.0} ms; {:.1} MiB that no file backs",
        rest.1 / 1024.0
    ));

    let began = Instant::now();
    host.stop().await;
    let stopped = millis(began);
    let began = Instant::now();
    let host = world.host(bench).await?;
    until_all_answer(world.client(), &actors).await?;
    let again = millis(began);
    let after = resident(&host).await?;
    report.add([
        plain("the host stops", Unit::Millis, stopped, Target::None),
        plain(
            "it starts, until each answers",
            Unit::Millis,
            again,
            Target::None,
        ),
        plain(
            "an idle one, in a host started anew",
            Unit::Kibibytes,
            (after.0 - before.0) / ACTORS as f64,
            Target::AtMost(20.0),
        ),
    ]);
    host.stop().await;
    Ok(report)
}

fn names() -> anyhow::Result<Vec<ActorName>> {
    let name = |number| Ok(name(number / ACTORS_PER_APP, number % ACTORS_PER_APP).parse()?);
    (0..ACTORS).map(name).collect()
}

fn name(app: usize, number: usize) -> String {
    format!("many-{app}-{number}")
}

fn manifest(app: usize, component: &Digest) -> anyhow::Result<String> {
    let mut manifest = format!("name = \"many-{app}\"\n");
    for number in 0..ACTORS_PER_APP {
        let name = name(app, number);
        writeln!(manifest, "[actor.{name}]\ncomponent = \"{component}\"")?;
    }
    Ok(manifest)
}

async fn resident(host: &HostProcess) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(REST).await;
    resident_kib(host.pid()?)
}

/// Calls every actor until it has answered.
async fn until_all_answer(client: &Client, actors: &[ActorName]) -> anyhow::Result<()> {
    let began = Instant::now();
    let answers = stream::iter(actors)
        .map(Ok)
        .try_for_each_concurrent(CALLERS, async |actor| {
            while let Err(error) = call(client, actor).await {
                if began.elapsed() > START_WITHIN {
                    bail!("{actor} does not answer: {error:#}");
                }
                tokio::time::sleep(CALL_AGAIN).await;
            }
            Ok(())
        });
    answers.await
}

/// Calls every actor once, and counts the answers.
async fn answered(client: &Client, actors: &[ActorName]) -> usize {
    let calls = stream::iter(actors).map(|actor| call(client, actor));
    let answers = calls.buffer_unordered(CALLERS);
    answers
        .filter(|answer| std::future::ready(answer.is_ok()))
        .count()
        .await
}

async fn call(client: &Client, actor: &ActorName) -> anyhow::Result<()> {
    let endpoint: Endpoint = "lattice:test/types.nothing".parse()?;
    let call = Call {
        target: actor.into(),
        endpoint,
        context: Context::default(),
        payload: Bytes::new(),
        streams: Streams::default(),
    };
    client.call(call).await?;
    Ok(())
}

/// How long it takes to list them all, as `lattice ps` does.
async fn list(client: &Client) -> anyhow::Result<f64> {
    let began = Instant::now();
    let listed: Vec<ActorSummary> = client
        .control(Verb::ActorList, &Nothing {})
        .await
        .context("the actors can't be listed")?;
    anyhow::ensure!(listed.len() == ACTORS, "{} are listed", listed.len());
    Ok(millis(began))
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
