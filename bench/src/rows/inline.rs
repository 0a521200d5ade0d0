//! HTTP hello with the provider in the host's own process, beside a server on `wasmtime-wasi-http` that
//! runs the same component with a new instance for each request, memory kept resident.

use super::hello::{AT_A_TIME, Hello, PATH, RESIDENT};
use super::{Bench, Mode};
use crate::figure::Target;
use crate::report::Report;
use crate::role::Player;
use crate::web::Get;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let hello = Hello::with(bench, "inline = true").await?;
    let resident = Player::serve(&bench.guests.path("bad-http"), true).await?;
    let watch = hello.world.watch()?.and("host", hello.host.pid()?);
    let watch = watch.and("resident", resident.pid()?);
    let mut report = Report::default();
    for connections in AT_A_TIME {
        // The limit makes an instance for each request, so only `fresh` has a target.
        for (mode, target) in [
            (Mode::Fresh, Target::RatioAtLeast(1.0)),
            (Mode::Reuse, Target::None),
        ] {
            let what = format!(
                "HTTP hello, inline, {}, {connections} at a time",
                mode.as_str()
            );
            let mut ours = Get::many(hello.address(mode).await?, PATH, connections).await?;
            let mut limit = Get::many(resident.address()?, PATH, connections).await?;
            let compared = bench.plan.compare(&mut ours, &mut limit, &watch).await?;
            report.add([
                compared.throughput(&what, RESIDENT, target),
                compared.p50(&what, RESIDENT, Target::None),
            ]);
            report.note(compared.spent(&format!("{what}, beside {RESIDENT}")));
        }
    }
    drop(resident);
    hello.host.stop().await;
    Ok(report)
}
