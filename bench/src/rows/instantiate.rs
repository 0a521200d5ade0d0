//! A new instance and a call, in the host's own call path: admission, limits, deadline, log and
//! codec, without NATS. The limit is wasmtime's pooling allocator alone, memory resident.

use bytes::Bytes;

use super::{Bench, Mode, one_argument};
use crate::alone::Alone;
use crate::figure::Target;
use crate::inside::Inside;
use crate::report::Report;
use crate::usage::Watch;
use crate::world::World;

const LIMIT: &str = "wasmtime alone, pooled, resident";
const BYTES: usize = 16;
const AT_A_TIME: [usize; 2] = [1, 4];
const TARGET: Target = Target::RatioAtMost(1.5);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let world = World::start(bench).await?;
    let echo = bench.guests.read("types")?;
    let digest = world.push(&echo).await?;
    let manifest = format!("name = \"bench\"\n[actor.echo]\ncomponent = \"{digest}\"\n");
    let inside = Inside::start(&world, &manifest).await?;
    let alone = Alone::echo(inside.engine().wasm(), &echo, Mode::Fresh)?;

    let mut report = Report::default();
    for callers in AT_A_TIME {
        let called = ("echo", "lattice:test/types.echo-bytes");
        let mut ours = inside.callers(called, &one_argument(BYTES)?, callers)?;
        let mut limit = alone.callers(&Bytes::from(vec![b'x'; BYTES]), callers);
        let compared = bench
            .plan
            .compare(&mut ours, &mut limit, &Watch::client())
            .await?;
        let what = format!("instantiate and call, fresh, {callers} at a time");
        report.add([
            compared.p50(&what, LIMIT, TARGET),
            compared.throughput(&what, LIMIT, Target::None),
        ]);
        report.note(compared.spent(&what));
    }
    inside.stop().await;
    Ok(report)
}
