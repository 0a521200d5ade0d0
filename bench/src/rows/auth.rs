//! The token service of `actors/auth` beside its twin for Node.js: the same requests, the same records
//! in the same JetStream KV bucket. Reported as measured, whoever is ahead; without Node.js, ours alone.

mod service;
mod side;
mod twin;

use anyhow::Context as _;

use self::service::Service;
use self::side::{Load, Side};
use self::twin::{Running, Twin};
use super::{Bench, Mode};
use crate::figure::{Figure, Target, Unit, median};
use crate::load::Sample;
use crate::measure;
use crate::report::Report;
use crate::usage::resident_kib;

const TWIN: &str = "Node.js, node:http and NATS KV";
/// Connections of the client, each with one request at a time.
const CONNECTIONS: usize = 32;
const PER_SECOND: u32 = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let service = Service::start(bench).await?;
    let twin = match Twin::prepare().await {
        Ok(twin) => Some(twin),
        Err(error) => {
            report.note(format!("auth: ours alone, without a twin: {error:#}"));
            None
        }
    };
    let running = match &twin {
        Some(twin) => Some(twin.start(&service).await?),
        None => None,
    };
    at_rest(&service, running.as_ref(), &mut report).await?;
    // After that: what compiles keeps some memory for the next time.
    cold(bench, &service, twin.as_ref(), &mut report).await?;
    for mode in Mode::ALL {
        loaded(bench, &service, running.as_ref(), mode, &mut report).await?;
    }
    report.note(service.started());
    drop(running);
    service.host.stop().await;
    Ok(report)
}

/// From nothing to the first key that is found good: of ours on a host that runs, from the request
/// that scales it up from none; of the twin, from the start of its process.
async fn cold(
    bench: &Bench,
    service: &Service,
    twin: Option<&Twin>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut before, mut not, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=bench.plan.rounds {
        let uncompiled = service.cold(bench, Some(round)).await?;
        let compiled = service.cold(bench, None).await?;
        let process = match twin {
            Some(twin) => Some(twin.cold(service).await?),
            None => None,
        };
        // The first of each pays for what all others share.
        if round > 0 {
            before.push(compiled);
            not.push(uncompiled);
            theirs.extend(process);
        }
    }
    report.add([
        figure(
            "auth, cold start, compiled before",
            Unit::Millis,
            &before,
            &theirs,
        ),
        figure(
            "auth, cold start, not compiled before",
            Unit::Millis,
            &not,
            &theirs,
        ),
    ]);
    Ok(())
}

async fn at_rest(
    service: &Service,
    running: Option<&Running>,
    report: &mut Report,
) -> anyhow::Result<()> {
    tokio::time::sleep(side::REST).await;
    let mut parts = Vec::new();
    let mut ours = 0.0;
    for (name, pid) in service.processes(Mode::Fresh).await? {
        let (all, _) = resident_kib(pid)?;
        ours += all / 1024.0;
        parts.push(format!("{name} {:.1}", all / 1024.0));
    }
    let theirs = match running {
        Some(running) => vec![resident_kib(running.pid()?)?.0 / 1024.0],
        None => Vec::new(),
    };
    report.add([figure(
        "auth, memory at rest",
        Unit::Mebibytes,
        &[ours],
        &theirs,
    )]);
    report.note(format!(
        "auth, memory at rest, MiB: {}; nats-server is on both sides, and in neither sum",
        parts.join(" + ")
    ));
    Ok(())
}

/// Throughput with every connection busy, and latency at a rate that both reach.
async fn loaded(
    bench: &Bench,
    service: &Service,
    running: Option<&Running>,
    mode: Mode,
    report: &mut Report,
) -> anyhow::Result<()> {
    let keys = service.keys();
    let address = service.address(mode).await?;
    let processes = service.processes(mode).await?;
    let mut ours = Side::new(address, &keys, CONNECTIONS, &processes).await?;
    let mut theirs = match running {
        Some(running) => {
            let processes = [("node", running.pid()?)];
            Some(Side::new(running.address(), &keys, CONNECTIONS, &processes).await?)
        }
        None => None,
    };
    let watch = service.world.watch()?;
    let what = format!("auth, {}", mode.as_str());

    side::by_turns(bench.plan, Load::Closed, &watch, &mut ours, theirs.as_mut()).await?;
    report.add([
        compared(
            format!("{what}, {CONNECTIONS} connections, throughput"),
            Unit::PerSecond,
            &ours,
            theirs.as_ref(),
            Sample::per_second,
        ),
        compared(
            format!("{what}, {CONNECTIONS} connections, p99"),
            Unit::Micros,
            &ours,
            theirs.as_ref(),
            p99,
        ),
        figure(
            format!("{what}, memory under load"),
            Unit::Mebibytes,
            &[ours.peak_mib()],
            &peak(theirs.as_ref()),
        ),
    ]);
    report.note(format!(
        "{what}, {CONNECTIONS} connections: µs of processor time an answer: ours {}; {TWIN} {}",
        ours.spent(),
        theirs.as_ref().map_or_else(|| "-".to_owned(), Side::spent),
    ));

    let paced = Load::Paced(PER_SECOND);
    side::by_turns(bench.plan, paced, &watch, &mut ours, theirs.as_mut()).await?;
    report.add([
        compared(
            format!("{what}, at 1,000/s, p50"),
            Unit::Micros,
            &ours,
            theirs.as_ref(),
            p50,
        ),
        compared(
            format!("{what}, at 1,000/s, p99"),
            Unit::Micros,
            &ours,
            theirs.as_ref(),
            p99,
        ),
    ]);
    Ok(())
}

fn p50(sample: &Sample) -> f64 {
    sample.micros(0.50)
}

fn p99(sample: &Sample) -> f64 {
    sample.micros(0.99)
}

fn peak(side: Option<&Side>) -> Vec<f64> {
    side.map(Side::peak_mib).into_iter().collect()
}

fn compared(
    what: String,
    unit: Unit,
    ours: &Side,
    theirs: Option<&Side>,
    number: fn(&Sample) -> f64,
) -> Figure {
    let theirs = theirs.map(|side| side.numbers(number)).unwrap_or_default();
    figure(what, unit, &ours.numbers(number), &theirs)
}

/// Nothing is promised of the ratio: it is there to be seen.
fn figure(what: impl Into<String>, unit: Unit, ours: &[f64], theirs: &[f64]) -> Figure {
    if theirs.is_empty() {
        return Figure::plain(what, unit, median(ours), Target::None);
    }
    let pairs: Vec<_> = ours.iter().copied().zip(theirs.iter().copied()).collect();
    measure::figure(what, TWIN, unit, Target::None, &pairs)
}

/// A number of a process that must run.
fn running_pid(id: Option<u32>) -> anyhow::Result<u32> {
    id.context("the process has ended")
}
