//! A host of the simulation: the real deciders, and a pretence of what they decide about.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lattice_client::StateEntry;
use lattice_config::{Assignment, ComponentRef, Revision};
use lattice_protocol::heartbeat::Heartbeat;
use lattice_protocol::id::{ActorName, AppName, HostId, ProcessId};
use lattice_protocol::report::{ActorReport, AssignmentRevision, Phase, Refused, Report};

use super::super::campaign::Campaign;
use super::super::duty::Duty;
use super::super::term::Term;
use super::apps;
use super::world::Event;
use crate::heartbeat::telling::Telling;
use crate::peers::View;

/// One host.
pub(super) struct Node {
    pub(super) id: HostId,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) capacity: u32,
    pub(super) is_up: bool,
    /// What waits for it while it is frozen.
    pub(super) frozen: Option<VecDeque<Event>>,
    /// Off NATS.
    pub(super) is_cut: bool,
    /// It hears nothing of the store and doesn't know.
    pub(super) is_deaf: bool,
    pub(super) is_leaving: bool,
    /// Counts its processes: what was meant for an earlier one is gone.
    pub(super) life: u64,
    began: Instant,
    /// How far its clock is ahead of the world's.
    pub(super) ahead_ms: i64,
    /// When its clock jumped last.
    pub(super) jumped_ms: u64,
    /// Which store its watches are on.
    pub(super) store_life: u64,
    pub(super) started_ms: u64,
    /// When a process of it said last that it leaves, and how old that one was.
    pub(super) left_ms: (u64, u64),
    /// What it remembers over a restart.
    pub(super) disk_epoch: u64,
    /// The highest epoch that it knows of.
    pub(super) epoch: u64,
    pub(super) telling: Telling,
    /// The most that it says in one message.
    pub(super) bytes_max: usize,
    /// Somebody missed something of what it said.
    pub(super) is_asked: bool,
    pub(super) view: View,
    pub(super) campaign: Campaign,
    pub(super) leader: Option<Leader>,
    pub(super) duty: Duty,
    pub(super) is_duty_asking: bool,
    /// The assignment that it runs by; one of an older version doesn't say.
    pub(super) followed: Option<AssignmentRevision>,
    pub(super) is_older: bool,
    /// What it can't start, and whether it says so.
    pub(super) ails: Option<Ailment>,
    /// Assignments that came while it was asking.
    pub(super) heads: VecDeque<StateEntry>,
    pub(super) due: Due,
    pub(super) running: BTreeMap<ActorName, Running>,
    /// The latest time at which something was sent to it by a watch: those keep their order.
    pub(super) watched_ms: u64,
}

/// Why a host starts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ailment {
    /// All that it tries fails, and it says so.
    Fails,
    /// Nobody hears what runs there, and nothing does.
    Silent,
}

/// When something is done next, by the world's clock.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) heartbeat: u64,
    pub(super) campaign: u64,
    pub(super) leader: u64,
    pub(super) look: u64,
    pub(super) again: Option<u64>,
}

/// The leader of a node.
pub(super) struct Leader {
    pub(super) epoch: u64,
    /// Which reading of the state it works with.
    pub(super) serial: u64,
    /// None while it reads.
    pub(super) term: Option<Term>,
}

/// An actor on a host.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) app: AppName,
    pub(super) wanted: Revision,
    pub(super) slots: u32,
    /// What serves.
    pub(super) serving: Option<Revision>,
    /// What was wanted and can't be started.
    pub(super) refused: Option<Revision>,
    /// The code of what is wanted.
    component: ComponentRef,
}

impl Running {
    /// It was tried.
    pub(super) fn tried(&mut self, revision: Revision) {
        if self.wanted != revision {
            return;
        }
        if self.component == apps::bad() {
            self.refused = Some(revision);
        } else {
            self.serving = Some(revision);
            self.refused = None;
        }
    }
}

impl Node {
    pub(super) fn new(id: &str, zone: &str, began: Instant) -> Self {
        let id: HostId = id.parse().unwrap();
        Self {
            labels: BTreeMap::from([("zone".to_owned(), zone.to_owned())]),
            capacity: 20,
            is_up: false,
            frozen: None,
            is_cut: false,
            is_deaf: false,
            is_leaving: false,
            life: 0,
            began,
            ahead_ms: 0,
            jumped_ms: 0,
            store_life: 0,
            started_ms: 0,
            left_ms: (0, 0),
            disk_epoch: 0,
            epoch: 0,
            telling: Telling::new(ProcessId::random()),
            bytes_max: 0,
            is_asked: false,
            view: View::new(id.clone()),
            campaign: Campaign::new(id.clone(), 0),
            leader: None,
            duty: Duty::new(id.clone(), 0),
            is_duty_asking: false,
            followed: None,
            is_older: false,
            ails: None,
            heads: VecDeque::new(),
            due: Due::default(),
            running: BTreeMap::new(),
            watched_ms: 0,
            id,
        }
    }

    /// A new process with what the disk remembers.
    pub(super) fn start(&mut self, now_ms: u64) {
        self.is_up = true;
        self.is_leaving = false;
        self.is_deaf = false;
        self.frozen = None;
        self.life += 1;
        self.started_ms = now_ms;
        self.epoch = self.disk_epoch;
        let process = format!("{}-{}", self.id, self.life).parse();
        self.telling = Telling::new(process.unwrap());
        self.is_asked = false;
        self.view = View::new(self.id.clone());
        self.campaign = Campaign::new(self.id.clone(), self.disk_epoch);
        self.leader = None;
        self.duty = Duty::new(self.id.clone(), self.disk_epoch);
        self.is_duty_asking = false;
        self.followed = None;
        self.heads.clear();
        self.due = Due::default();
        self.running.clear();
        self.watched_ms = now_ms;
    }

    pub(super) fn kill(&mut self) {
        self.is_up = false;
        self.frozen = None;
        self.life += 1;
        self.leader = None;
        self.running.clear();
    }

    /// Whether it answers calls and hears messages.
    pub(super) fn is_there(&self) -> bool {
        self.is_up && self.frozen.is_none() && !self.is_cut
    }

    /// Whether its clock jumped so lately that what it heard before looks old.
    pub(super) fn has_jumped(&self, now_ms: u64) -> bool {
        now_ms < self.jumped_ms + 10_000 && self.jumped_ms > 0
    }

    /// Its own clock.
    pub(super) fn clock(&self, now_ms: u64) -> Instant {
        let own = now_ms.saturating_add_signed(self.ahead_ms);
        self.began + Duration::from_millis(own)
    }

    pub(super) fn report(&self, now_ms: u64) -> Report {
        let actor = |(name, running): (&ActorName, &Running)| {
            let serving = running.serving.as_ref();
            let report = ActorReport {
                revision: serving.unwrap_or(&running.wanted).to_string(),
                slots: serving.map_or(0, |_| running.slots),
                busy: u32::try_from(now_ms / 700 % 3).unwrap(),
                waiting: 0,
                refused: running.refused.as_ref().map(|revision| Refused {
                    revision: revision.to_string(),
                    reason: "it can't start".to_owned(),
                    may_pass: false,
                }),
                phase: serving.map_or_else(|| self.on_its_way(), |_| Phase::Running),
            };
            (name.clone(), report)
        };
        Report {
            host: self.id.clone(),
            version: "1".to_owned(),
            labels: self.labels.clone(),
            capacity: self.capacity,
            uptime_ms: now_ms - self.started_ms,
            connection: None,
            assignment: self.followed.filter(|_| !self.is_older),
            actors: match self.ails {
                Some(Ailment::Silent) => BTreeMap::new(),
                _ => self.running.iter().map(actor).collect(),
            },
            providers: BTreeMap::new(),
        }
    }

    fn on_its_way(&self) -> Phase {
        match self.ails {
            None => Phase::Starting,
            Some(_) => Phase::Failed {
                reason: "it ails".to_owned(),
            },
        }
    }

    /// Runs an assignment; answers what has to be prepared first, and what was stopped.
    pub(super) fn run(
        &mut self,
        wanted: &Assignment,
    ) -> (Vec<(ActorName, Revision)>, Vec<ActorName>) {
        let names: BTreeMap<_, _> = wanted.actors.iter().map(|one| (&one.name, one)).collect();
        let running = self.running.keys();
        let stopped: Vec<_> = running
            .filter(|name| !names.contains_key(*name))
            .cloned()
            .collect();
        for name in &stopped {
            self.running.remove(name);
        }
        let mut prepare = Vec::new();
        for (name, actor) in names {
            let running = self.running.entry(name.clone()).or_insert_with(|| Running {
                app: actor.app.clone(),
                wanted: actor.revision.clone(),
                slots: actor.slots,
                serving: None,
                refused: None,
                component: ComponentRef::Digest(actor.component.clone()),
            });
            running.wanted = actor.revision.clone();
            running.slots = actor.slots;
            running.component = ComponentRef::Digest(actor.component.clone());
            if running.serving.as_ref() == Some(&actor.revision) {
                running.refused = None;
            }
            if running.serving.as_ref() != Some(&actor.revision) {
                prepare.push((name.clone(), actor.revision.clone()));
            }
        }
        (prepare, stopped)
    }

    pub(super) fn serves(&self, name: &ActorName) -> u32 {
        let running = self.running.get(name);
        running
            .filter(|one| one.serving.is_some())
            .map_or(0, |one| one.slots)
    }

    pub(super) fn beat(&mut self, now_ms: u64) -> Vec<Heartbeat> {
        let is_asked = std::mem::take(&mut self.is_asked);
        let report = self.report(now_ms);
        self.telling.beat(report, is_asked, self.bytes_max)
    }

    /// Answers whether something is missing, and is asked for.
    pub(super) fn heard(&mut self, beat: &Arc<Heartbeat>, now_ms: u64) -> bool {
        let now = self.clock(now_ms);
        self.view.heard((**beat).clone(), now).asks
    }
}
