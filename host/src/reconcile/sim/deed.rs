//! What operators and faults do to a lattice, one deed at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use lattice_config::App;

use super::apps;
use super::invariant::counts;
use super::link::Weather;
use super::node::Node;
use super::world::{Event, Who, World};

/// How long a lattice may take to settle once nothing happens to it any more: the longest wait for an
/// answer, a term begun anew, what is held, and some rounds of it.
const SETTLE_MS: u64 = 45_000;
/// For how long all must stay right: longer than a host takes to be heard, planned for and served.
const STAY_MS: u64 = 5_000;

impl World {
    /// All runs as declared within a time, and from then on at every moment.
    pub(super) fn settle(&mut self) {
        let end = self.now + SETTLE_MS;
        loop {
            let left = end.saturating_sub(self.now);
            if !self.run_until(left, |world| counts::wrong(world).is_none()) {
                panic!("it does not settle: {}", counts::wrong(self).unwrap());
            }
            if !self.run_until(STAY_MS, |world| counts::wrong(world).is_some()) {
                return;
            }
        }
    }

    pub(super) fn declare(&mut self, app: &App) {
        let key = lattice_config::state::key::app(&app.name);
        self.note(format!("declared {}", app.name));
        self.store.write(&key, Some(apps::bytes(app)));
        self.spread(&key);
    }

    pub(super) fn undeclare(&mut self, name: &str) {
        let key = lattice_config::state::key::app(&name.parse().unwrap());
        self.note(format!("deleted {name}"));
        self.store.write(&key, None);
        self.spread(&key);
    }

    pub(super) fn freeze(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if this.is_up && this.frozen.is_none() {
            this.frozen = Some(VecDeque::new());
            let id = this.id.clone();
            self.note(format!("{id} freezes"));
        }
    }

    /// What waited comes all at once. A machine that slept has lost the time as well.
    pub(super) fn thaw(&mut self, node: usize, slept_ms: u64) {
        let Some(waiting) = self.nodes[node].frozen.take() else {
            return;
        };
        self.nodes[node].ahead_ms -= i64::try_from(slept_ms).unwrap();
        let id = self.nodes[node].id.clone();
        self.note(format!("{id} thaws"));
        for event in waiting {
            if self.nodes[node].is_up {
                self.reach_node(node, event);
            }
        }
    }

    pub(super) fn heal(&mut self, node: usize) {
        self.thaw(node, 0);
        let this = &mut self.nodes[node];
        let was_off = std::mem::take(&mut this.is_cut) || this.is_deaf;
        if !this.is_up {
            self.start(node);
        } else if was_off {
            self.later(100, node, Event::Resync);
        }
    }

    /// It starts what it could not start.
    pub(super) fn cure(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        this.ails = None;
        let running = this.running.iter();
        let waiting = running.filter(|(_, one)| one.serving.as_ref() != Some(&one.wanted));
        let waiting: Vec<_> = waiting
            .map(|(name, one)| (name.clone(), one.wanted.clone()))
            .collect();
        for (name, revision) in waiting {
            self.later(1, node, Event::Ready(name, revision));
        }
    }

    pub(super) fn leader(&self) -> Option<usize> {
        let leads = |node: &Node| node.is_there() && node.leader.is_some();
        self.nodes.iter().position(leads)
    }

    pub(super) fn leave(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if !this.is_up || this.is_leaving || this.frozen.is_some() {
            return;
        }
        this.is_leaving = true;
        this.left_ms = (self.now, self.now - this.started_ms);
        this.leader = None;
        let id = this.id.clone();
        self.note(format!("{id} leaves"));
        let report = Arc::new(self.nodes[node].report(self.now));
        self.broadcast(node, || Event::Left(report.clone()));
        self.release(node);
    }

    /// A host that leaves gives its lease up, once it has the answer to what it asked before: as
    /// `election`.
    pub(super) fn release(&mut self, node: usize) {
        let campaign = &mut self.nodes[node].campaign;
        if campaign.is_asking() {
            return;
        }
        if let Some(ask) = campaign.release() {
            let who = Who::Campaign;
            self.later(5, node, Event::Ask { who, id: 0, ask });
        }
    }

    pub(super) fn pick(&mut self) -> usize {
        self.random.usize(0..self.nodes.len())
    }

    pub(super) fn pause(&mut self, from_ms: u64, to_ms: u64) {
        let pause = self.random.u64(from_ms..to_ms);
        self.run_for(pause);
    }
}

pub(super) fn operate(world: &mut World) {
    if world.random.u32(0..4) == 0 {
        let name = ["one", "two", "three"][world.random.usize(0..3)];
        world.undeclare(name);
    } else {
        let app = apps::some(&mut world.random, true);
        world.declare(&app);
    }
}

pub(super) fn hurt(world: &mut World) {
    let node = world.pick();
    match world.random.u32(0..10) {
        0 | 1 => {
            let id = world.nodes[node].id.clone();
            world.note(format!("{id} is killed"));
            world.nodes[node].kill();
        }
        2 | 3 => world.freeze(node),
        4 | 5 => world.nodes[node].is_cut = true,
        6 => world.nodes[node].is_deaf = true,
        7 => {
            let ahead = world.random.i64(100..8_000);
            let now = world.now;
            let this = &mut world.nodes[node];
            this.ahead_ms += ahead;
            this.jumped_ms = now;
        }
        8 => world.leave(node),
        _ => {
            let zone = ["a", "b", "c"][world.random.usize(0..3)];
            world.nodes[node]
                .labels
                .insert("zone".to_owned(), zone.to_owned());
        }
    }
}

pub(super) fn help(world: &mut World) {
    let node = world.pick();
    match world.random.u32(0..3) {
        0 => {
            let slept = world.random.u64(0..2_000);
            world.thaw(node, slept);
            world.heal(node);
        }
        _ => world.heal(node),
    }
}

pub(super) fn heal_all(world: &mut World) {
    world.weather = Weather::FAIR;
    world.store.is_away = false;
    for node in 0..world.nodes.len() {
        if world.nodes[node].is_leaving {
            world.nodes[node].kill();
        }
        world.heal(node);
        // A watch that died without a word is noticed some time.
        world.later(1_000, node, Event::Resync);
    }
}
