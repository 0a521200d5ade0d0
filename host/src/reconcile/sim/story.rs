//! What operators and faults do to a lattice, and how it must stand afterwards.

use std::collections::VecDeque;
use std::sync::Arc;

use lattice_config::{App, ComponentRef};
use lattice_protocol::digest::Digest;

use super::apps;
use super::invariant::counts;
use super::link::Weather;
use super::node::Node;
use super::store::Store;
use super::world::{Event, World};

/// How long a lattice may take to settle once nothing happens to it any more: the longest wait for an
/// answer, a term begun anew, what is held, and some rounds of it.
const SETTLE_MS: u64 = 45_000;
/// For how long all must stay right: longer than a host takes to be heard, planned for and served.
const STAY_MS: u64 = 5_000;

impl World {
    /// All runs as declared within a time, and stays so.
    fn settle(&mut self) {
        let end = self.now + SETTLE_MS;
        loop {
            let left = end.saturating_sub(self.now);
            if !self.run_until(left, |world| counts::wrong(world).is_none()) {
                panic!("it does not settle: {}", counts::wrong(self).unwrap());
            }
            self.run_for(STAY_MS);
            if counts::wrong(self).is_none() {
                return;
            }
        }
    }

    fn declare(&mut self, app: &App) {
        let key = lattice_config::state::key::app(&app.name);
        self.note(format!("declared {}", app.name));
        self.store.write(&key, Some(apps::bytes(app)));
        self.spread(&key);
    }

    fn undeclare(&mut self, name: &str) {
        let key = lattice_config::state::key::app(&name.parse().unwrap());
        self.note(format!("deleted {name}"));
        self.store.write(&key, None);
        self.spread(&key);
    }

    fn freeze(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if this.is_up && this.frozen.is_none() {
            this.frozen = Some(VecDeque::new());
            let id = this.id.clone();
            self.note(format!("{id} freezes"));
        }
    }

    /// What waited comes all at once. A machine that slept has lost the time as well.
    fn thaw(&mut self, node: usize, slept_ms: u64) {
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

    fn heal(&mut self, node: usize) {
        self.thaw(node, 0);
        let this = &mut self.nodes[node];
        let was_off = std::mem::take(&mut this.is_cut) || this.is_deaf;
        if !this.is_up {
            self.start(node);
        } else if was_off {
            self.later(100, node, Event::Resync);
        }
    }

    fn leader(&self) -> Option<usize> {
        let leads = |node: &Node| node.is_there() && node.leader.is_some();
        self.nodes.iter().position(leads)
    }

    fn leave(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if !this.is_up || this.is_leaving || this.frozen.is_some() {
            return;
        }
        this.is_leaving = true;
        this.leader = None;
        let (id, release) = (this.id.clone(), this.campaign.release());
        self.note(format!("{id} leaves"));
        let report = Arc::new(self.nodes[node].report(self.now));
        self.broadcast(node, || Event::Left(report.clone()));
        if let Some(ask) = release {
            self.later(
                5,
                node,
                Event::Ask {
                    who: super::world::Who::Campaign,
                    id: 0,
                    ask,
                },
            );
        }
    }

    fn pick(&mut self) -> usize {
        self.random.usize(0..self.nodes.len())
    }

    fn pause(&mut self, from_ms: u64, to_ms: u64) {
        let pause = self.random.u64(from_ms..to_ms);
        self.run_for(pause);
    }
}

fn begin(world: &mut World, hosts: usize, labels: bool) {
    for node in 0..hosts {
        world.start(node);
        world.pause(1, 300);
    }
    for _ in 0..3 {
        let app = apps::some(&mut world.random, labels);
        world.declare(&app);
    }
    world.settle();
}

fn operate(world: &mut World) {
    if world.random.u32(0..4) == 0 {
        let name = ["one", "two", "three"][world.random.usize(0..3)];
        world.undeclare(name);
    } else {
        let app = apps::some(&mut world.random, true);
        world.declare(&app);
    }
}

fn hurt(world: &mut World) {
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

fn help(world: &mut World) {
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

fn heal_all(world: &mut World) {
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

/// Everything at once.
pub(super) fn storm(world: &mut World) {
    begin(world, 5, true);
    world.weather = Weather::FOUL;
    for _ in 0..40 {
        match world.random.u32(0..10) {
            0..3 => operate(world),
            3..6 => hurt(world),
            _ => help(world),
        }
        world.pause(50, 2_500);
    }
    heal_all(world);
    world.settle();
}

/// The store is wiped, set back, away; now and then a host with it.
pub(super) fn broken_store(world: &mut World) {
    begin(world, 5, true);
    if world.random.bool() {
        world.weather = Weather::FOUL;
    }
    let mut backup: Store = world.store.clone();
    for _ in 0..14 {
        match world.random.u32(0..8) {
            0 => world.store.wipe(),
            1 => world.store.set_back(&backup),
            2 => world.store.is_away = true,
            3 => world.store.is_away = false,
            4 => backup = world.store.clone(),
            5 => operate(world),
            6 => hurt(world),
            _ => help(world),
        }
        let (life, now) = (world.store.life, world.now);
        world.note(format!("store {life}, {}", world.store.is_away));
        world.invariants.evidence.knows(&world.store, now);
        // Watches on a store that is another now die without a word, and are noticed later.
        for node in 0..world.nodes.len() {
            if world.nodes[node].store_life != life {
                world.nodes[node].store_life = life;
                world.nodes[node].is_deaf = true;
                let after = world.random.u64(100..8_000);
                world.later(after, node, Event::Resync);
            }
        }
        world.pause(50, 6_000);
    }
    heal_all(world);
    world.run_for(5_000);
    // The operator declares all of it again: what the store has not heard of goes on until then.
    for name in ["one", "two", "three"] {
        world.undeclare(name);
    }
    for _ in 0..3 {
        let app = apps::some(&mut world.random, true);
        world.declare(&app);
    }
    world.settle();
}

/// No fault: updates, scaling, hosts that join and leave in order.
pub(super) fn calm(world: &mut World) {
    for node in 0..3 {
        world.start(node);
    }
    let names = ["one", "two", "three"];
    let mut declared: Vec<App> = Vec::new();
    for name in names {
        let mut app = apps::some(&mut world.random, false);
        while app.name.as_str() != name {
            app = apps::some(&mut world.random, false);
        }
        world.declare(&app);
        declared.push(app);
    }
    let actors = declared.iter().flat_map(|app| app.actors.keys().cloned());
    let actors = actors.collect();
    world.settle();
    world.invariants.gap.declare(actors);
    for _ in 0..15 {
        let app = &mut declared[world.random.usize(0..3)];
        match world.random.u32(0..5) {
            0 => {
                for actor in app.actors.values_mut() {
                    let code = Digest::of(&[world.random.u8(0..9)]);
                    actor.component = ComponentRef::Digest(code);
                }
                let app = app.clone();
                world.declare(&app);
            }
            1 | 2 => {
                for actor in app.actors.values_mut() {
                    actor.instances = world.random.u32(1..9);
                }
                let app = app.clone();
                world.declare(&app);
            }
            3 => {
                let node = world.pick();
                if !world.nodes[node].is_up {
                    world.start(node);
                }
            }
            _ => {
                let stay = world
                    .nodes
                    .iter()
                    .filter(|node| node.is_up && !node.is_leaving);
                if stay.count() > 2 {
                    let node = world.pick();
                    world.leave(node);
                }
            }
        }
        world.pause(50, 4_000);
    }
    world.settle();
}

/// One host of four is killed or frozen, be it the leader.
pub(super) fn one_host_lost(world: &mut World) {
    world.prepare_max_ms = 300;
    begin(world, 4, false);
    let node = match world.random.bool() {
        true => world.leader().unwrap(),
        false => world.random.usize(0..4),
    };
    let is_frozen = world.random.bool();
    if is_frozen {
        world.freeze(node);
    } else {
        world.nodes[node].kill();
    }
    let is_restored = world.run_until(5_000, |world| counts::wrong(world).is_none());
    assert!(is_restored, "{:?} after 5 s", counts::wrong(world));
    world.heal(node);
    world.settle();
}

/// The leader freezes for so long that another leads, and thaws.
pub(super) fn frozen_leader(world: &mut World) {
    begin(world, 4, true);
    for _ in 0..3 {
        let Some(node) = world.leader() else {
            world.run_for(1_000);
            continue;
        };
        let change = apps::some(&mut world.random, true);
        world.declare(&change);
        world.pause(1, 60);
        world.freeze(node);
        world.pause(2_500, 12_000);
        operate(world);
        world.pause(1, 300);
        // Its clock may have stood still: then only the state can tell it.
        let slept = match world.random.bool() {
            true => 0,
            false => world.random.u64(0..2_500),
        };
        world.thaw(node, slept);
        world.pause(100, 3_000);
    }
    world.settle();
}

/// A host is killed and stays away.
pub(super) fn gone_for_good(world: &mut World) {
    begin(world, 3, false);
    let node = world.random.usize(0..3);
    let id = world.nodes[node].id.clone();
    world.nodes[node].kill();
    world.settle();
    let of_it = |world: &World| {
        let mut entries = world.store.all().into_iter();
        let of_it = |key: &str| key.split('.').nth(1) == Some(id.as_str());
        entries.any(|entry| of_it(&entry.key) && entry.value.is_some())
    };
    assert!(
        of_it(world),
        "a machine that comes back finds its assignment"
    );
    assert!(world.run_until(700_000, |world| !of_it(world)));
    world.start(node);
    world.settle();
}
