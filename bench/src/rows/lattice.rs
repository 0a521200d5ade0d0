//! A large lattice, simulated: how long its leader plans, and what control costs each host.
//!
//! The plan, the leader's decisions and the records are the real ones; NATS and the hosts are not
//! there: a table stands for the state, and every host says at once that it serves what it is
//! assigned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use host::heartbeat::telling::Telling;
use host::peers::Standing;
use host::reconcile::ask::{Answer, Ask};
use host::reconcile::term::{Step, Term};
use lattice_config::plan::{HostView, Plan, plan};
use lattice_config::{Actor, App, ComponentRef, Declared, Revised};
use lattice_protocol::digest::Digest;
use lattice_protocol::heartbeat::{HEARTBEAT_BYTES_MAX, WHOLE_EVERY};
use lattice_protocol::id::{HostId, ProcessId};
use lattice_protocol::report::{ActorReport, HEARTBEAT_INTERVAL, Phase, Report as Heartbeat};

use super::Bench;
use crate::figure::{Figure, Ratio, Target, Unit};
use crate::report::Report;

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
/// How much more each of many hosts may say than one alone: they have longer names.
const SAID_GROWTH_MAX: f64 = 1.1;
/// Apps among which the actors are divided.
const APPS: u32 = 10;

pub(super) async fn run(_: &Bench) -> anyhow::Result<Report> {
    tokio::task::spawn_blocking(measure).await?
}

fn measure() -> anyhow::Result<Report> {
    let mut report = Report::default();
    let declared = declared(ACTORS)?;
    let least = |hosts, declared: &_| least(&views(hosts)?, declared);
    let (all, made) = least(HOSTS, &declared)?;
    let (fewer_hosts, _) = least(FEWER_HOSTS, &declared)?;
    let (fewer_actors, _) = least(HOSTS, &self::declared(FEWER_ACTORS)?)?;
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
    report.add(heartbeats(&made)?);
    report.add(writes(declared)?);
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

/// What each host says and hears. Every host hears every other.
fn heartbeats(made: &Plan) -> anyhow::Result<Vec<Figure>> {
    let all = said(serving(made, HOSTS)?.values())?;
    // As many actors on it as on each of the many.
    let few = declared(ACTORS * INSTANCES / HOSTS)?;
    let (_, alone) = least(&views(1)?, &few)?;
    let alone = said(serving(&alone, 1)?.values())?;
    let plain = |what: String, ours| Figure::plain(what, Unit::Kibibytes, ours, Target::None);
    let ratio = all.a_second() / alone.a_second();
    Ok(vec![
        plain(
            format!("control said by each of {HOSTS} hosts a second, at rest"),
            all.at_rest,
        ),
        plain("the same, all of it once a minute".into(), all.whole),
        plain("the same, when every load changes".into(), all.busy),
        Figure {
            what: format!("control said by each host a second, 1 → {HOSTS} hosts"),
            unit: Unit::Kibibytes,
            ours: all.a_second(),
            limit: Some(alone.a_second()),
            limit_is: "one host".into(),
            ratio: Some(Ratio {
                median: ratio,
                least: ratio,
                most: ratio,
            }),
            target: Target::RatioAtMost(SAID_GROWTH_MAX),
        },
        plain(
            format!("control heard by each of {HOSTS} hosts a second"),
            all.a_second() * f64::from(HOSTS),
        ),
    ])
}

/// KiB a second that one host says.
struct Said {
    at_rest: f64,
    whole: f64,
    busy: f64,
}

impl Said {
    fn a_second(&self) -> f64 {
        self.at_rest + self.whole
    }
}

/// The mean over some hosts.
fn said<'a>(hosts: impl ExactSizeIterator<Item = &'a Arc<Heartbeat>>) -> anyhow::Result<Said> {
    let count = hosts.len() as f64;
    let (mut whole, mut at_rest, mut busy) = (0, 0, 0);
    for host in hosts {
        let mut telling = Telling::new(ProcessId::random());
        let mut beat = |report| bytes(&telling.beat(report, false, HEARTBEAT_BYTES_MAX));
        let mut report = Heartbeat::clone(host);
        whole += beat(report.clone())?;
        at_rest += beat(report.clone())?;
        for actor in report.actors.values_mut() {
            (actor.busy, actor.waiting) = (actor.slots, 1);
        }
        busy += beat(report)?;
    }
    let beats_a_second = 1.0 / HEARTBEAT_INTERVAL.as_secs_f64();
    let kib = |bytes: usize| bytes as f64 / count / 1024.0 * beats_a_second;
    Ok(Said {
        at_rest: kib(at_rest),
        whole: kib(whole) / f64::from(WHOLE_EVERY),
        busy: kib(busy),
    })
}

fn bytes(beats: &[lattice_protocol::heartbeat::Heartbeat]) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for beat in beats {
        bytes += serde_json::to_vec(beat)?.len();
    }
    Ok(bytes)
}

/// What a leader writes when it begins, when one actor changes, and when nothing does.
fn writes(declared: Declared) -> anyhow::Result<Vec<Figure>> {
    let mut state = Table::default();
    let mut term = Term::new(1, Vec::new(), declared.clone());
    let made = plan(&declared, &views(HOSTS)?, &BTreeMap::new(), 1);
    let began = Instant::now();
    let all = state.settle(&mut term, &made)?;
    let took = began.elapsed();
    let rest = state.settle(&mut term, &made)?;

    let changed = changed(declared)?;
    let next = plan(&changed, &views(HOSTS)?, &made.assignments, 1);
    term.declares(changed);
    let one = state.settle(&mut term, &next)?;
    let figure = |what: &str, unit, ours: f64, target| {
        Figure::plain(format!("leader, {what}"), unit, ours, target)
    };
    let kib = |written: &Written| written.bytes as f64 / 1024.0;
    Ok(vec![
        figure(
            "decides and encodes all from nothing",
            Unit::Millis,
            millis(took),
            Target::None,
        ),
        figure(
            "writes all from nothing: messages",
            Unit::Count,
            all.messages as f64,
            Target::None,
        ),
        figure("the same, bytes", Unit::Kibibytes, kib(&all), Target::None),
        figure(
            "one actor of one app changes: messages",
            Unit::Count,
            one.messages as f64,
            Target::None,
        ),
        figure("the same, bytes", Unit::Kibibytes, kib(&one), Target::None),
        figure(
            "nothing changes: messages",
            Unit::Count,
            rest.messages as f64,
            Target::AtMost(0.0),
        ),
    ])
}

/// The state, and what was written into it.
#[derive(Default)]
struct Table {
    revision: u64,
}

#[derive(Default)]
struct Written {
    messages: u64,
    bytes: usize,
}

impl Table {
    /// Lets the leader look and write until it has nothing to write.
    fn settle(&mut self, term: &mut Term, made: &Plan) -> anyhow::Result<Written> {
        let alive = serving(made, HOSTS)?;
        let since = Duration::from_secs(60);
        let mut written = Written::default();
        loop {
            let before = written.messages;
            let now = Instant::now();
            let alive = alive.clone();
            term.look(Standing::Hearing { alive, since }, now);
            self.carry_out(term, now + since, &mut written)?;
            if written.messages == before {
                return Ok(written);
            }
        }
    }

    fn carry_out(
        &mut self,
        term: &mut Term,
        until: Instant,
        written: &mut Written,
    ) -> anyhow::Result<()> {
        loop {
            match term.step(Instant::now(), Some(until)) {
                Step::Rest => return Ok(()),
                Step::Tell(_) => {}
                Step::Ask(tag, ask) => {
                    written.messages += 1;
                    let answer = match ask {
                        Ask::Put { value, .. } => {
                            written.bytes += value.len();
                            self.revision += 1;
                            let revision = self.revision;
                            Answer::Written { revision }
                        }
                        Ask::Purge { .. } | Ask::Erase { .. } => Answer::Deleted,
                        Ask::Get { .. } => Answer::Entry(None),
                        Ask::History { .. } => Answer::History(Vec::new()),
                    };
                    term.answered(&tag, answer);
                }
                ended => bail!("the leader ended: {ended:?}"),
            }
        }
    }
}

fn views(count: u32) -> anyhow::Result<Vec<HostView>> {
    let view = |at: u32| {
        let zone = ["a", "b", "c"][at as usize % 3].to_owned();
        Ok(HostView {
            id: format!("host{at:08}").parse()?,
            labels: BTreeMap::from([("zone".to_owned(), zone)]),
            capacity: 1_000,
            draining: false,
        })
    };
    (0..count).map(view).collect()
}

fn declared(count: u32) -> anyhow::Result<Declared> {
    let mut apps = BTreeMap::new();
    for number in 0..APPS {
        let mut app = App::new(format!("app-{number}").parse()?, "1");
        for at in 0..count / APPS {
            let mut actor = Actor::new(ComponentRef::Digest(Digest::of(&at.to_le_bytes())));
            actor.instances = INSTANCES;
            app.actors
                .insert(format!("actor-{number}-{at}").parse()?, actor);
        }
        let name = app.name.clone();
        let (revision, value) = (1, app);
        apps.insert(name, Revised { revision, value });
    }
    Ok(Declared { apps })
}

fn changed(mut declared: Declared) -> anyhow::Result<Declared> {
    let app = declared.apps.values_mut().next().context("no app")?;
    let actor = app.value.actors.values_mut().next().context("no actor")?;
    actor.component = ComponentRef::Digest(Digest::of(b"a new one"));
    Ok(declared)
}

/// Every host serves what it is assigned.
fn serving(made: &Plan, hosts: u32) -> anyhow::Result<BTreeMap<HostId, Arc<Heartbeat>>> {
    let views = views(hosts)?;
    let hosts = views.into_iter().map(|view| {
        let assigned = made.assignments.get(&view.id);
        let actors = assigned.iter().flat_map(|assignment| &assignment.actors);
        let actor = |actor: &lattice_config::AssignedActor| ActorReport {
            revision: actor.revision.to_string(),
            slots: actor.slots,
            busy: 0,
            waiting: 0,
            refused: None,
            phase: Phase::Running,
        };
        let heartbeat = Heartbeat {
            host: view.id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            labels: view.labels,
            capacity: view.capacity,
            uptime_ms: 86_400_000,
            connection: None,
            actors: actors.map(|one| (one.name.clone(), actor(one))).collect(),
            providers: BTreeMap::new(),
        };
        (view.id, Arc::new(heartbeat))
    });
    Ok(hosts.collect())
}
