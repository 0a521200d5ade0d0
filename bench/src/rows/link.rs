//! An actor calls another one of the same host: one call into the relay, which calls the echo. The
//! limit is wasmtime alone, in this process and on the same engine, doing the same two calls.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{Bench, Mode, one_argument};
use crate::alone::Alone;
use crate::figure::Target;
use crate::inside::Inside;
use crate::report::Report;
use crate::usage::Watch;
use crate::world::World;

const LIMIT: &str = "wasmtime alone, the same two calls";
const SIZES: [(usize, &str); 3] = [(16, "16 B"), (1024, "1 KiB"), (64 * 1024, "64 KiB")];
const TARGET: Target = Target::RatioAtMost(1.5);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let (echo, relay) = (
        bench.guests.read("types")?,
        bench.guests.read("bench-relay")?,
    );
    let digests = (world.push(&echo).await?, world.push(&relay).await?);
    let mut manifest = "name = \"bench\"\n".to_owned();
    for mode in Mode::ALL {
        let (mode, (echo, relay)) = (mode.as_str(), &digests);
        write!(
            manifest,
            "[actor.echo-{mode}]\ncomponent = \"{echo}\"\ninstance = \"{mode}\"\n\
             [actor.relay-{mode}]\ncomponent = \"{relay}\"\ninstance = \"{mode}\"\n\
             [actor.relay-{mode}.link.\"lattice:test/types\"]\nto = \"echo-{mode}\"\n",
        )?;
    }
    let inside = Inside::start(&world, &manifest).await?;
    let engine = inside.engine().wasm();

    let mut report = Report::default();
    for (mode, (bytes, size)) in Mode::ALL
        .into_iter()
        .flat_map(|mode| SIZES.map(|size| (mode, size)))
    {
        let alone = Alone::relay(engine, &relay, Alone::echo(engine, &echo, mode)?, mode)?;
        let called = (
            &*format!("relay-{}", mode.as_str()),
            "lattice:bench/relay.relay",
        );
        let mut ours = inside.callers(called, &one_argument(bytes)?, 1)?;
        let mut limit = alone.callers(&Bytes::from(vec![b'x'; bytes]), 1);
        let compared = bench
            .plan
            .compare(&mut ours, &mut limit, &Watch::default())
            .await?;
        let what = format!("actor → actor on one host, {}, {size}", mode.as_str());
        report.add([compared.p50(&what, LIMIT, TARGET)]);
    }
    inside.stop().await;
    Ok(report)
}
