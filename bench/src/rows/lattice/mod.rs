//! A large lattice, simulated: how long its leader plans, and what control costs each host.
//!
//! The plan, the leader's decisions and the records are the real ones; NATS and the hosts are not
//! there: a table stands for the state, and every host says at once that it serves what it is
//! assigned.
//!
//! - [`declared`](mod@declared): the lattice that is planned; [`said`]: heartbeats; [`writes`]: the leader's.

mod declared;
mod said;
mod writes;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lattice_config::Declared;
use lattice_config::plan::{HostView, Plan, plan};

use super::Bench;
use crate::figure::{Figure, Ratio, Target, Unit};
use crate::report::Report;
use declared::{declared, views};

/// The lattice that is aimed at.
const HOSTS: u32 = 200;
const ACTORS: u32 = 10_000;
const INSTANCES: u32 = 4;
/// What its figures are held against.
const FEWER_HOSTS: u32 = 50;
const FEWER_ACTORS: u32 = 2_500;
/// How often each plan is made: the least counts, as everything else on the machine only adds.
const ROUNDS: usize = 5;
/// How much more than n log n a plan may take to grow so: what caches and pages add.
const GROWTH_MAX: f64 = 1.5;

pub(super) async fn run(_: &Bench) -> anyhow::Result<Report> {
    tokio::task::spawn_blocking(measure).await?
}

fn measure() -> anyhow::Result<Report> {
    let mut report = Report::default();
    let declared = declared(ACTORS)?;
    let least = |hosts, declared: &_| least(&views(hosts)?, declared);
    let (all, made) = least(HOSTS, &declared)?;
    let (fewer_hosts, _) = least(FEWER_HOSTS, &declared)?;
    let (fewer_actors, _) = least(HOSTS, &self::declared::declared(FEWER_ACTORS)?)?;
    report.add([
        Figure::plain(
            format!("plan of {ACTORS} actors over {HOSTS} hosts"),
            Unit::Millis,
            millis(all),
            Target::None,
        ),
        grown("hosts", FEWER_HOSTS, HOSTS, fewer_hosts, all),
        grown("actors", FEWER_ACTORS, ACTORS, fewer_actors, all),
    ]);
    report.add(said::figures(&made)?);
    report.add(writes::figures(declared)?);
    Ok(report)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A plan's time beside what n log n makes of a smaller one.
fn grown(what: &str, from: u32, to: u32, before: Duration, after: Duration) -> Figure {
    let n_log_n = |n: u32| f64::from(n) * f64::from(n).log2();
    let limit = millis(before) * n_log_n(to) / n_log_n(from);
    let ratio = millis(after) / limit;
    Figure {
        what: format!("plan, {from} → {to} {what}"),
        unit: Unit::Millis,
        ours: millis(after),
        limit: Some(limit),
        limit_is: format!("n log n from {from} {what}"),
        ratio: Some(Ratio {
            median: ratio,
            least: ratio,
            most: ratio,
        }),
        target: Target::RatioAtMost(GROWTH_MAX),
    }
}

/// The shortest of some plans over the plan before, as a leader makes them, and the plan.
fn least(hosts: &[HostView], declared: &Declared) -> anyhow::Result<(Duration, Plan)> {
    let mut made = plan(declared, hosts, &BTreeMap::new(), 1);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        made = plan(declared, hosts, &made.assignments, 1);
        times.push(began.elapsed());
    }
    let least = times.into_iter().min().context("no plan was made")?;
    Ok((least, made))
}
