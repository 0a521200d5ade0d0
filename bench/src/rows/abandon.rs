//! What callers that go away leave behind: a host's memory before and after many calls of a function
//! that waits long, each given up by its caller almost at once.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use lattice_client::stream::Streams;
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;

use super::Bench;
use crate::figure::{Figure, Target, Unit};
use crate::report::Report;
use crate::usage::resident_kib;
use crate::world::{HostProcess, World, until};

/// Calls given up before the memory is looked at first: what is kept for reuse is there by then.
const WARM_UP: usize = 2_000;
/// Calls given up in between.
const CALLS: usize = 10_000;
const AT_A_TIME: usize = 32;
/// How long a caller waits: the call has begun by then.
const PATIENCE: Duration = Duration::from_millis(5);
/// How long the guest would wait.
const WAITS_MS: u32 = 30_000;
/// How long a host is left alone before it is looked at: idle things are dropped after ten seconds.
const REST: Duration = Duration::from_secs(12);
/// What may be left of a call: less than the smallest thing that could be forgotten.
const LEFT_KIB: Target = Target::AtMost(0.1);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let host = world.host(bench).await?;
    let digest = world.push(&bench.guests.read("misbehave")?).await?;
    let instances = 2 * AT_A_TIME;
    let manifest = format!(
        "name = \"bench\"\n[actor.sleeper]\ncomponent = \"{digest}\"\ninstances = {instances}\n"
    );
    world.apply(manifest).await?;

    abandon(world.client(), WARM_UP).await?;
    let before = rested(&world, &host).await?;
    abandon(world.client(), CALLS).await?;
    let after = rested(&world, &host).await?;
    let mut report = Report::default();
    let what = format!("{CALLS} abandoned calls");
    let memory = |when: &str, kib: f64| {
        let what = format!("{what}, the host's RSS {when}");
        Figure::plain(what, Unit::Mebibytes, kib / 1024.0, Target::None)
    };
    report.add([
        memory("before", before),
        memory("after", after),
        Figure::plain(
            format!("{what}, left of each"),
            Unit::Kibibytes,
            ((after - before) / CALLS as f64).max(0.0),
            LEFT_KIB,
        ),
    ]);
    host.stop().await;
    Ok(report)
}

/// Gives so many calls up.
async fn abandon(client: &Client, calls: usize) -> anyhow::Result<()> {
    let caller = async || {
        for _ in 0..calls / AT_A_TIME {
            let call = client.call(call("sleep-ms", WAITS_MS)?);
            let ended = tokio::time::timeout(PATIENCE, call).await;
            ensure!(ended.is_err(), "a call was not begun: {ended:?}");
        }
        Ok(())
    };
    try_join_all((0..AT_A_TIME).map(|_| caller())).await?;
    Ok(())
}

/// The host's memory once nothing of the calls runs.
async fn rested(world: &World, host: &HostProcess) -> anyhow::Result<f64> {
    until("the actor answers", async || {
        let reply = world.client().call(call("sleep-ms", 0)?).await;
        reply.map(drop).context("the host is still busy")
    })
    .await?;
    tokio::time::sleep(REST).await;
    Ok(resident_kib(host.pid()?)?.0)
}

fn call(function: &str, argument: u32) -> anyhow::Result<Call> {
    let mut payload = Vec::new();
    rmp::encode::write_array_len(&mut payload, 1)?;
    rmp::encode::write_uint(&mut payload, argument.into())?;
    Ok(Call {
        target: "sleeper".parse()?,
        endpoint: function.parse()?,
        context: Context::default(),
        payload: Bytes::from(payload),
        streams: Streams::default(),
    })
}
