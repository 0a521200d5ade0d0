//! HTTP hello with the provider in the host's own process, beside a server on `wasmtime-wasi-http` that
//! runs the same component with memory kept resident: a new instance for each request beside `fresh`,
//! one for a thousand beside `reuse`. And beside a native hyper server.

use super::hello::{AT_A_TIME, Hello, PATH, RESIDENT};
use super::peers::HYPER;
use super::{Bench, Mode};
use crate::figure::Target;
use crate::report::Report;
use crate::role::{Kept, Player};
use crate::web::Get;

const REUSED: &str = "wasmtime-wasi-http alone, instances reused";

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let hello = Hello::with(bench, "inline = true").await?;
    let component = bench.guests.path("bad-http");
    let resident = Player::serve(&component, Kept::Memory).await?;
    let reused = Player::serve(&component, Kept::Instance).await?;
    let native = Player::native().await?;
    let watch = hello.world.watch()?.and("host", hello.host.pid()?);
    let watch = watch
        .and("resident", resident.pid()?)
        .and("reused", reused.pid()?)
        .and("native", native.pid()?);
    let mut report = Report::default();
    for connections in AT_A_TIME {
        for (mode, player, limit_is, target) in [
            (Mode::Fresh, &resident, RESIDENT, Target::RatioAtLeast(1.0)),
            (Mode::Reuse, &reused, REUSED, Target::RatioAtLeast(1.0)),
            (Mode::Fresh, &native, HYPER, Target::None),
            (Mode::Reuse, &native, HYPER, Target::None),
        ] {
            let what = format!(
                "HTTP hello, inline, {}, {connections} at a time",
                mode.as_str()
            );
            let mut ours = Get::many(hello.address(mode).await?, PATH, connections).await?;
            let mut limit = Get::many(player.address()?, PATH, connections).await?;
            let compared = bench.plan.compare(&mut ours, &mut limit, &watch).await?;
            report.add([
                compared.throughput(&what, limit_is, target),
                compared.p50(&what, limit_is, Target::None),
            ]);
            report.note(compared.spent(&format!("{what}, beside {limit_is}")));
        }
    }
    drop((resident, reused, native));
    hello.host.stop().await;
    Ok(report)
}
