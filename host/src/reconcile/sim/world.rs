//! Time, and what happens in it. One thing happens after the other, in an order that follows from the
//! seed alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use lattice_client::StateEntry;
use lattice_config::Revision;
use lattice_protocol::digest::Digest;
use lattice_protocol::heartbeat::Heartbeat;
use lattice_protocol::id::ActorName;
use lattice_protocol::report::Report;

use super::super::ask::{Answer, Ask};
use super::super::term::Tag;
use super::invariant::Invariants;
use super::link::Weather;
use super::node::Node;
use super::store::Store;

/// How often each host looks at its timers.
const TICK_MS: u64 = 50;
/// The longest that a host prepares an actor.
const PREPARE_MAX_MS: u64 = 800;

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    Tick,
    Heartbeat(Arc<Heartbeat>),
    /// Somebody missed a heartbeat of this host.
    AskAll,
    Left(Arc<Report>),
    /// An ask reaches the store.
    Ask {
        who: Who,
        id: u64,
        ask: Ask,
    },
    Answer {
        who: Who,
        id: u64,
        answer: Answer,
    },
    Watch(StateEntry),
    /// A leader reads all of the store.
    Read {
        serial: u64,
    },
    WasRead {
        serial: u64,
        entries: Vec<StateEntry>,
    },
    /// A watch that broke is begun anew.
    Resync,
    Ready(ActorName, Revision),
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Campaign,
    Term { serial: u64, tag: Tag },
    Duty,
}

/// Everything there is.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) random: fastrand::Rng,
    pub(super) weather: Weather,
    /// The same for what hosts say to each other, where that is worse.
    pub(super) air: Option<Weather>,
    pub(super) store: Store,
    pub(super) nodes: Vec<Node>,
    pub(super) invariants: Invariants,
    pub(super) prepare_max_ms: u64,
    queue: BTreeMap<(u64, u64), (usize, u64, Event)>,
    /// Asks that wait for their answer.
    pub(super) pending: BTreeSet<u64>,
    serial: u64,
    log: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let began = Instant::now();
        let node = |(id, zone): (&str, &str)| Node::new(id, zone, began);
        let ids = [
            ("h0", "a"),
            ("h1", "a"),
            ("h2", "b"),
            ("h3", "b"),
            ("h4", "c"),
        ];
        Self {
            now: 1,
            random: fastrand::Rng::with_seed(seed),
            weather: Weather::FAIR,
            air: None,
            store: Store::default(),
            nodes: ids.map(node).into(),
            invariants: Invariants::default(),
            prepare_max_ms: PREPARE_MAX_MS,
            queue: BTreeMap::new(),
            pending: BTreeSet::new(),
            serial: 0,
            log: Vec::new(),
        }
    }

    pub(super) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn note(&mut self, what: String) {
        if std::env::var_os("LATTICE_SIM_LOG").is_some() {
            eprintln!("{:>8} {what}", self.now);
        }
        self.log.push(format!("{} {what}", self.now));
    }

    /// All that happened, in short.
    pub(super) fn log_digest(&self) -> Digest {
        Digest::of(self.log.join("\n").as_bytes())
    }

    /// Something happens to this process of a host, unless it has ended by then.
    pub(super) fn later(&mut self, after_ms: u64, node: usize, event: Event) {
        let serial = self.serial();
        let life = self.nodes[node].life;
        self.queue
            .insert((self.now + after_ms, serial), (node, life, event));
    }

    pub(super) fn start(&mut self, node: usize) {
        // Now and then all that runs there fits no message.
        self.nodes[node].bytes_max = [500, 100_000][self.random.usize(0..2)];
        self.nodes[node].start(self.now);
        self.note(format!("{} starts", self.nodes[node].id));
        self.later(1, node, Event::Resync);
        self.later(1, node, Event::Tick);
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, ms: u64) {
        self.run_until(ms, |_| false);
    }

    /// Lets time pass until something is so; answers whether it was.
    pub(super) fn run_until(&mut self, ms: u64, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + ms;
        loop {
            if is_so(self) {
                return true;
            }
            let next = self.queue.first_entry();
            let Some(next) = next.filter(|next| next.key().0 <= end) else {
                self.now = end;
                return is_so(self);
            };
            let ((at, _), (node, life, event)) = next.remove_entry();
            self.now = at;
            self.happen(node, life, event);
        }
    }

    fn happen(&mut self, node: usize, life: u64, event: Event) {
        match event {
            Event::Ask { who, id, ask } => return self.reach_store(node, life, who, id, &ask),
            Event::Read { serial } => return self.read_store(node, life, serial),
            _ => {}
        }
        let this = &mut self.nodes[node];
        if !this.is_up || this.life != life {
            return;
        }
        if let Some(waiting) = &mut this.frozen {
            waiting.push_back(event);
            return;
        }
        self.reach_node(node, event);
        self.invariants.gap.each(&self.nodes, self.now);
    }

    pub(super) fn reach_node(&mut self, node: usize, event: Event) {
        let is_cut = self.nodes[node].is_cut;
        let (now, this) = (self.now, &mut self.nodes[node]);
        match event {
            Event::Tick => {
                self.later(TICK_MS, node, Event::Tick);
                self.tick(node);
            }
            Event::Heartbeat(beat) if !is_cut => self.heard(node, &beat),
            Event::AskAll if !is_cut => this.is_asked = true,
            Event::Left(report) if !is_cut => {
                let clock = this.clock(now);
                this.view.left(&report, clock);
            }
            Event::Heartbeat(_) | Event::AskAll | Event::Left(_) => {}
            Event::Answer { who, id, answer } => self.answered(node, who, id, answer),
            Event::Watch(entry) => self.watched(node, entry),
            Event::WasRead { serial, entries } => self.was_read(node, serial, entries),
            Event::Resync => self.resync(node),
            Event::Ready(name, revision) => {
                if this.ails.is_none()
                    && let Some(running) = this.running.get_mut(&name)
                {
                    running.tried(revision);
                }
            }
            Event::Ask { .. } | Event::Read { .. } => {}
        }
    }

    /// A message from a host to the store, or back, with what may happen to it.
    pub(super) fn send(&mut self, node: usize, event: impl Fn() -> Event) {
        self.send_in(None, node, event);
    }

    /// The same through a weather of its own.
    pub(super) fn send_in(
        &mut self,
        weather: Option<Weather>,
        node: usize,
        event: impl Fn() -> Event,
    ) {
        if self.nodes[node].is_cut {
            return;
        }
        let weather = weather.unwrap_or(self.weather);
        for after in weather.arrivals(&mut self.random) {
            self.later(after, node, event());
        }
    }

    fn reach_store(&mut self, node: usize, life: u64, who: Who, id: u64, ask: &Ask) {
        if self.store.is_away {
            return;
        }
        let answer = self.store.answer(ask);
        self.after_ask(node, ask, &answer);
        if self.nodes[node].life == life {
            self.send(node, || Event::Answer {
                who: who.clone(),
                id,
                answer: answer.clone(),
            });
        }
    }

    /// What a successful write sets off.
    fn after_ask(&mut self, node: usize, ask: &Ask, answer: &Answer) {
        let key = match (ask, answer) {
            (Ask::Put { key, .. }, Answer::Written { .. }) => key,
            (Ask::Purge { key, .. }, Answer::Deleted) => key,
            (Ask::Erase { .. }, Answer::Deleted) => {
                return self.invariants.parts.check(&self.store);
            }
            _ => return,
        };
        let key = key.clone();
        let name = self.nodes[node].id.clone();
        self.note(format!("{name} wrote {key}"));
        self.invariants.written(&self.store, &name, ask);
        self.spread(&key);
    }

    /// Tells every watch of a change.
    pub(super) fn spread(&mut self, key: &str) {
        let Some(entry) = self.store.entry(key) else {
            return;
        };
        self.invariants.evidence.knows(&self.store, self.now);
        for node in 0..self.nodes.len() {
            let this = &self.nodes[node];
            if this.is_up && !this.is_cut && !this.is_deaf {
                self.watch(node, entry.clone());
            }
        }
    }

    /// A watch brings an entry, in order, and never loses one.
    pub(super) fn watch(&mut self, node: usize, entry: StateEntry) {
        let after = self.random.u64(1..=self.weather.delay_max_ms);
        let at = (self.now + after).max(self.nodes[node].watched_ms);
        self.nodes[node].watched_ms = at;
        self.later(at - self.now, node, Event::Watch(entry));
    }

    fn read_store(&mut self, node: usize, life: u64, serial: u64) {
        if self.nodes[node].life != life || self.nodes[node].is_cut {
            return;
        }
        let entries = if self.store.is_away {
            return self.later(500, node, Event::Read { serial });
        } else {
            self.store.all()
        };
        let after = self.random.u64(1..=self.weather.delay_max_ms);
        self.later(after, node, Event::WasRead { serial, entries });
    }
}
