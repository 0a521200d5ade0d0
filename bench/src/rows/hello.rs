//! HTTP hello: a separate provider, a host, an actor that answers an empty 200, by 32 connections
//! that are kept open. The limits: a bare hyper server that asks a plain responder over NATS (the same
//! processes with nothing in them), one that runs the component itself, without and with memory kept
//! resident, and a native hyper server, by which peers can be compared.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::{Bench, Mode, peers};
use crate::figure::Target;
use crate::report::Report;
use crate::role::{Kept, Player};
use crate::usage::Watch;
use crate::web::Get;
use crate::world::{HostProcess, World};

/// The trivial request of the guest `bad-http`.
pub(super) const PATH: &str = "/status?code=200";
/// Connections of the client, each with one request at a time.
pub(super) const CONNECTIONS: usize = 32;
pub(super) const BARE: &str = "a bare hyper → NATS echo";
pub(super) const SERVE: &str = "wasmtime-wasi-http alone, fresh";
pub(super) const RESIDENT: &str = "wasmtime-wasi-http alone, memory resident";
pub(super) const AT_A_TIME: [usize; 2] = [1, CONNECTIONS];

/// A lattice that answers hello.
pub(super) struct Hello {
    pub(super) world: World,
    pub(super) host: HostProcess,
}

impl Hello {
    pub(super) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        Self::with(bench, "").await
    }

    /// The same with a further line of each provider.
    pub(super) async fn with(bench: &Bench, line: &str) -> anyhow::Result<Self> {
        Self::configured(bench, line, "").await
    }

    /// The same with more in the config of each.
    pub(super) async fn configured(
        bench: &Bench,
        line: &str,
        config: &str,
    ) -> anyhow::Result<Self> {
        let world = World::start(bench).await?;
        let host = world.host(bench).await?;
        let digest = world.push(&bench.guests.read("bad-http")?).await?;
        let mut manifest = "name = \"bench\"\n".to_owned();
        for mode in Mode::ALL.map(Mode::as_str) {
            write!(
                manifest,
                "[actor.{mode}]\ncomponent = \"{digest}\"\ninstances = 64\ninstance = \"{mode}\"\n\
                 [provider.web-{mode}]\nkind = \"http\"\n{line}\nconfig = {{ listen = \"127.0.0.1:0\"{config} }}\n\
                 [[provider.web-{mode}.route]]\npath = \"/\"\nactor = \"{mode}\"\n"
            )?;
        }
        world.apply(manifest).await?;
        Ok(Self { world, host })
    }

    /// Where the actor of that mode answers.
    pub(super) async fn address(&self, mode: Mode) -> anyhow::Result<SocketAddr> {
        self.world.address(&format!("web-{}", mode.as_str())).await
    }

    pub(super) async fn watch(&self) -> anyhow::Result<Watch> {
        let mut watch = self.world.watch()?.and("host", self.host.pid()?);
        for mode in Mode::ALL.map(Mode::as_str) {
            let pid = self.world.provider_pid(&format!("web-{mode}")).await?;
            watch = watch.and("provider", pid);
        }
        Ok(watch)
    }
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let hello = Hello::start(bench).await?;
    let echo = Player::echo(&hello.world.url()).await?;
    let bare = Player::web(&hello.world.url()).await?;
    let component = bench.guests.path("bad-http");
    let fresh = Player::serve(&component, Kept::Nothing).await?;
    let resident = Player::serve(&component, Kept::Memory).await?;
    let native = Player::native().await?;
    // A limit without a target shows how far there is to go.
    let limits = [
        (Mode::Fresh, &bare, BARE, Target::None),
        (Mode::Fresh, &fresh, SERVE, Target::RatioAtLeast(1.0)),
        (Mode::Fresh, &resident, RESIDENT, Target::None),
        (Mode::Fresh, &native, peers::HYPER, peers::HELLO_FRESH),
        (Mode::Reuse, &bare, BARE, Target::RatioAtLeast(0.8)),
        (Mode::Reuse, &native, peers::HYPER, peers::HELLO_REUSE),
    ];

    let watch = hello.watch().await?;
    let watch = watch.and("bare", bare.pid()?).and("responder", echo.pid()?);
    let watch = watch
        .and("fresh", fresh.pid()?)
        .and("resident", resident.pid()?)
        .and("native", native.pid()?);
    let mut report = Report::default();
    for connections in AT_A_TIME {
        for (mode, player, limit_is, target) in limits {
            // Peers were measured with many at a time.
            if connections == 1 && limit_is == peers::HYPER {
                continue;
            }
            let what = format!(
                "HTTP hello, provider, {}, {connections} at a time",
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
    if !on_path("wasmtime") {
        report.note(
            "`wasmtime serve` is not on PATH: its place is taken by a server on the same library, \
             wasmtime-wasi-http, in its default settings",
        );
    }
    drop((bare, echo, fresh, resident, native));
    hello.host.stop().await;
    Ok(report)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
