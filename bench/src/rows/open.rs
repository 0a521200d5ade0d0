//! Memory of the HTTP provider at rest, and with connections that are open and ask nothing.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::hello::{Hello, PATH};
use super::{Bench, Mode};
use crate::figure::{Figure, Target, Unit};
use crate::report::Report;
use crate::usage::resident_kib;
use crate::web::Connection;

/// How many connections are opened, if the system allows so many files.
const CONNECTIONS: u64 = 10_000;
/// Files that this process has open beside them, with room.
const OTHER_FILES: u64 = 200;
/// How long the provider is left alone before it is looked at.
const REST: Duration = Duration::from_secs(3);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let allowed = raise(CONNECTIONS + OTHER_FILES)?;
    let count = CONNECTIONS.min(allowed.saturating_sub(OTHER_FILES));
    let config = format!(", connections_max = {CONNECTIONS}, idle_timeout_ms = 3_600_000");
    let hello = Hello::configured(bench, "", &config).await?;
    let address = hello.address(Mode::Fresh).await?;
    let provider = hello.world.provider_pid("web-fresh").await?;
    Connection::open(address)
        .await?
        .request("GET", PATH)
        .await?;
    tokio::time::sleep(REST).await;
    let (at_rest, _) = resident_kib(provider)?;
    let mut open = Vec::new();
    for _ in 0..count {
        let mut connection = Connection::open(address).await?;
        connection.request("GET", PATH).await?;
        open.push(connection);
    }
    tokio::time::sleep(REST).await;
    let (with_all, _) = resident_kib(provider)?;
    let each = (with_all - at_rest) / f64::from(u32::try_from(count)?.max(1));
    let mebibytes =
        |what: String, kib: f64| Figure::plain(what, Unit::Mebibytes, kib / 1024.0, Target::None);
    let mut report = Report::default();
    report.add([
        mebibytes("HTTP provider at rest, RSS".to_owned(), at_rest),
        mebibytes(format!("the same with {count} idle connections"), with_all),
        Figure::plain("an idle connection", Unit::Kibibytes, each, Target::None),
    ]);
    if count < CONNECTIONS {
        report.note(format!(
            "open: the system allows {allowed} files, so {count} connections stand for {CONNECTIONS}"
        ));
    }
    drop(open);
    hello.host.stop().await;
    Ok(report)
}

/// Allows this process, and those that it starts from here on, so many open files, or as many as the
/// system lets it; answers how many.
fn raise(wanted: u64) -> anyhow::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return Ok(current);
    }
    let raised = wanted.min(most);
    let limit = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, limit).context("failed to allow more open files")?;
    Ok(raised)
}
