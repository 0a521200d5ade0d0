//! Latency of HTTP hello at a fixed rate, over 32 connections that take turns.

use super::hello::{BARE, CONNECTIONS, Hello, PATH, SERVE};
use super::{Bench, Mode};
use crate::figure::Target;
use crate::load;
use crate::report::Report;
use crate::role::{Kept, Player};
use crate::web::Get;

const PER_SECOND: u32 = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let hello = Hello::start(bench).await?;
    let echo = Player::echo(&hello.world.url()).await?;
    let bare = Player::web(&hello.world.url()).await?;
    let serve = Player::serve(&bench.guests.path("bad-http"), Kept::Nothing).await?;
    let limits = [
        (
            &serve,
            SERVE,
            Target::RatioAtMost(2.5),
            Target::RatioAtMost(3.0),
        ),
        (&bare, BARE, Target::None, Target::None),
    ];

    let watch = hello.watch().await?;
    let watch = watch.and("bare", bare.pid()?).and("responder", echo.pid()?);
    let watch = watch.and("fresh", serve.pid()?);
    let what = "HTTP hello at 1,000/s, provider, fresh";
    let mut report = Report::default();
    for (player, limit_is, p50, p99) in limits {
        let mut ours = Get::many(hello.address(Mode::Fresh).await?, PATH, CONNECTIONS).await?;
        let mut limit = Get::many(player.address()?, PATH, CONNECTIONS).await?;
        let compared = bench
            .plan
            .by_turns(
                async |time| load::paced(&mut ours, PER_SECOND, time).await?.clean(),
                async |time| load::paced(&mut limit, PER_SECOND, time).await?.clean(),
                &watch,
            )
            .await?;
        report.add([
            compared.p50(what, limit_is, p50),
            compared.p99(what, limit_is, p99),
        ]);
        report.note(compared.spent(&format!("{what} (beside {limit_is})")));
    }
    drop((bare, echo, serve));
    hello.host.stop().await;
    Ok(report)
}
