//! What hosts say of themselves, at rest and under load.

use std::sync::Arc;

use host::heartbeat::telling::Telling;
use lattice_config::plan::Plan;
use lattice_protocol::event::{Event, Kind};
use lattice_protocol::heartbeat::{HEARTBEAT_BYTES_MAX, Heartbeat, WHOLE_EVERY};
use lattice_protocol::id::{LatticeId, ProcessId};
use lattice_protocol::report::{HEARTBEAT_INTERVAL, Report};

use super::declared::{declared, serving, views};
use super::{ACTORS, HOSTS, INSTANCES, least};
use crate::figure::{Figure, Ratio, Target, Unit};

/// How much more each of many hosts may say than one alone: they have longer names.
const SAID_GROWTH_MAX: f64 = 1.1;

/// What each host says and hears. What it says is the same among however many; what it hears is what all of
/// them say, as every host hears every other.
pub(super) fn figures(made: &Plan) -> anyhow::Result<Vec<Figure>> {
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
            format!("control heard by each of {HOSTS} hosts a second: what all of them say"),
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
fn said<'a>(hosts: impl ExactSizeIterator<Item = &'a Arc<Report>>) -> anyhow::Result<Said> {
    let count = hosts.len() as f64;
    let (mut whole, mut at_rest, mut busy) = (0, 0, 0);
    for host in hosts {
        let mut telling = Telling::new(ProcessId::random());
        let mut beat = |report| bytes(host, telling.beat(report, false, HEARTBEAT_BYTES_MAX));
        let mut report = Report::clone(host);
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

/// As they travel, each as an event.
fn bytes(host: &Report, beats: Vec<Heartbeat>) -> anyhow::Result<usize> {
    let lattice = LatticeId::default();
    let mut bytes = 0;
    for beat in beats {
        let (kind, subject) = (Kind::HostHeartbeat, format!("host/{}", host.host));
        let time = lattice_client::now_rfc3339();
        let event = Event::new(&lattice, &host.host, kind, subject, time, beat);
        bytes += serde_json::to_vec(&event)?.len();
    }
    Ok(bytes)
}
