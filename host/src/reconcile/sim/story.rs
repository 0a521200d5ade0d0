//! What happens to a lattice, deed after deed, and how it must stand afterwards.

pub(super) mod moves;

use lattice_config::{App, ComponentRef};
use lattice_protocol::digest::Digest;

use super::apps;
use super::deed::{heal_all, help, hurt, operate};
use super::invariant::counts;
use super::link::Weather;
use super::node::Node;
use super::store::Store;
use super::world::{Event, World};

/// By when another leads: a renewal that is on its way is answered, the lease is written, seen, taken and
/// confirmed, each a message of 20 ms at most.
const FOLLOWED_WITHIN_MS: u64 = 200;

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

/// The same, where a store that is wiped or set back gives the same numbers again.
pub(super) fn stores_alike(world: &mut World) {
    world.store.counts_alike = true;
    broken_store(world);
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

/// The leader leaves in order: its lease is free as soon as the others hear of it.
pub(super) fn leader_leaves(world: &mut World) {
    begin(world, 4, false);
    for _ in 0..2 {
        let node = world.leader().unwrap();
        world.leave(node);
        let led_by_another = |world: &World| world.leader().is_some_and(|leader| leader != node);
        let is_followed = world.run_until(FOLLOWED_WITHIN_MS, led_by_another);
        assert!(is_followed, "nobody leads");
        world.settle();
    }
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

/// Updates that no host can start, and hosts that are lost meanwhile: all but one, which runs each actor.
/// What was declared before them is declared again, unless something newer is.
pub(super) fn refusals(world: &mut World) {
    for node in 0..4 {
        world.start(node);
    }
    let mut good = apps::some(&mut world.random, false);
    for actor in good.actors.values_mut() {
        actor.instances = world.random.u32(5..9);
    }
    world.declare(&good);
    world.settle();
    let mut refused = 0;
    for _ in 0..4 {
        let mut bad = good.clone();
        for (at, actor) in bad.actors.values_mut().enumerate() {
            match at == 0 || world.random.bool() {
                true => actor.component = apps::bad(),
                false => actor.instances = world.random.u32(5..9),
            }
        }
        if world.random.bool() {
            world.weather = Weather::FOUL;
        }
        world.declare(&bad);
        refused += 1;
        for _ in 0..world.random.u32(0..4) {
            world.pause(1, 1_500);
            let node = world.random.usize(1..4);
            match world.random.u32(0..3) {
                0 => world.nodes[node].kill(),
                1 => world.freeze(node),
                _ => world.nodes[node].is_cut = true,
            }
        }
        if world.random.u32(0..3) == 0 {
            for actor in good.actors.values_mut() {
                let code = Digest::of(&[world.random.u8(0..9)]);
                actor.component = ComponentRef::Digest(code);
            }
            world.declare(&good);
        }
        heal_all(world);
        let actors = good.actors.clone();
        let is_back = |world: &World| {
            let declared = apps::declared(&world.store.all());
            declared.apps.values().all(|app| app.value.actors == actors)
        };
        assert!(world.run_until(20_000, is_back), "it is not taken back");
        world.settle();
        let serves = |node: &Node| {
            let mut running = node.running.values();
            running.all(|one| one.serving.as_ref() == Some(&one.wanted) && one.refused.is_none())
        };
        // What was lost on its way to the store is written again.
        let all_serve = |world: &World| world.nodes.iter().all(serves);
        assert!(world.run_until(20_000, all_serve), "something is refused");
    }
    let count = world.invariants.rollback.count();
    assert!(count <= refused, "{count} of {refused} were taken back");
}
