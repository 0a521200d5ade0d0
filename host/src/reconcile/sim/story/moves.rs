//! What moves from hosts to hosts.

use std::collections::BTreeMap;

use lattice_config::{App, ComponentRef};
use lattice_protocol::digest::Digest;

use super::super::apps;
use super::super::invariant::counts;
use super::super::link::Weather;
use super::super::node::{Ailment, Node};
use super::super::world::World;
use crate::heartbeat::picture::Picture;

/// By when what was missed is known: an ask that comes at the next heartbeat, and its answer.
const KNOWN_WITHIN_MS: u64 = 4_000;
/// By when the hosts that have lost it let go of what the others serve: the next heartbeat tells, the
/// leader looks, writes, and is heard.
const LET_GO_WITHIN_MS: u64 = 1_000;
/// For how long what is to move is held for hosts of which not all serve it: as a leader does.
const HELD_MS: u64 = 30_000;

fn zone(zone: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("zone".to_owned(), zone.to_owned())])
}

/// Four hosts, two in each of two zones, and an app that runs in the first and is served from now on.
fn in_zone_a(world: &mut World, instances: std::ops::Range<u32>) -> App {
    for node in 0..4 {
        world.start(node);
    }
    let mut app = apps::some(&mut world.random, false);
    for actor in app.actors.values_mut() {
        // Few enough that either zone has room for all.
        actor.instances = world.random.u32(instances.clone());
        actor.require = zone("a");
    }
    world.declare(&app);
    world.settle();
    let actors = app.actors.keys().cloned().collect();
    world.invariants.gap.declare(actors);
    app
}

fn to_zone_b(world: &mut World, app: &mut App) {
    for actor in app.actors.values_mut() {
        actor.require = zone("b");
    }
    world.declare(app);
}

/// Whether a zone serves all of an app.
fn serves(world: &World, zone: &str, app: &App) -> bool {
    let hosts = || {
        world
            .nodes
            .iter()
            .filter(|node| node.labels["zone"] == zone)
    };
    let mut actors = app.actors.iter();
    actors
        .all(|(name, actor)| hosts().map(|node| node.serves(name)).sum::<u32>() >= actor.instances)
}

/// No fault: actors that have to run in one zone, then in another, updated on the way.
pub(in super::super) fn anywhere(world: &mut World) {
    let mut app = in_zone_a(world, 1..4);
    for _ in 0..10 {
        for actor in app.actors.values_mut() {
            if world.random.bool() {
                actor.require = zone(["a", "b"][world.random.usize(0..2)]);
            }
            if world.random.u32(0..4) == 0 {
                let code = Digest::of(&[world.random.u8(0..9)]);
                actor.component = ComponentRef::Digest(code);
            }
        }
        world.declare(&app);
        world.pause(50, 6_000);
    }
    world.settle();
}

/// The same while hosts hear each other badly. In the end each knows again what runs on every other.
pub(in super::super) fn confused(world: &mut World) {
    world.air = Some(Weather::CONFUSED);
    anywhere(world);
    assert!(world.invariants.picture.gaps > 0, "nothing was missed");
    world.air = None;
    let knows_all = |world: &World| {
        let up = || world.nodes.iter().filter(|node| node.is_up);
        let knows = |by: &Node, of: &Node| by.view.picture(&of.id).is_some_and(Picture::is_whole);
        up().all(|by| up().all(|of| knows(by, of)))
    };
    let all_known = world.run_until(KNOWN_WITHIN_MS, knows_all);
    assert!(all_known, "what was missed was not asked for");
}

/// The same while some hosts are of an older version, and don't say which assignment they follow.
pub(in super::super) fn among_versions(world: &mut World) {
    for node in 0..4 {
        world.nodes[node].is_older = world.random.bool();
    }
    anywhere(world);
}

/// To and fro, more often than hosts say what they run, some of them of an older version: what they said last
/// is of before.
pub(in super::super) fn to_and_fro(world: &mut World) {
    for node in 0..4 {
        world.nodes[node].is_older = world.random.u32(0..4) == 0;
    }
    let mut app = in_zone_a(world, 1..4);
    for _ in 0..15 {
        for to in ["b", "a"] {
            for actor in app.actors.values_mut() {
                actor.require = zone(to);
            }
            world.declare(&app);
            world.pause(20, 600);
        }
        // Now and then all the way.
        if world.random.u32(0..4) == 0 {
            world.pause(500, 3_000);
        }
    }
    world.settle();
}

/// Where it is to run it is served at once: then nothing is waited for any more.
pub(in super::super) fn at_once(world: &mut World) {
    world.prepare_max_ms = 1;
    let mut app = in_zone_a(world, 1..4);
    to_zone_b(world, &mut app);
    let is_served = world.run_until(KNOWN_WITHIN_MS, |world| serves(world, "b", &app));
    assert!(is_served, "the other zone does not serve it");
    let is_moved = world.run_until(LET_GO_WITHIN_MS, |world| counts::wrong(world).is_none());
    assert!(is_moved, "{:?}", counts::wrong(world));
    world.settle();
}

/// Of those who are to have it one can't start it, or says nothing, or both are so: what waits for them
/// is held where it was, for a time if one serves it, and else for ever.
pub(in super::super) fn to_who_ails(world: &mut World) {
    let mut app = in_zone_a(world, 4..9);
    let is_one_well = world.random.bool();
    for node in [2, 3] {
        let ailment = [Ailment::Fails, Ailment::Silent][world.random.usize(0..2)];
        world.nodes[node].ails = (node == 3 || !is_one_well).then_some(ailment);
    }
    to_zone_b(world, &mut app);
    let is_let_go = |world: &World| !serves(world, "a", &app);
    let too_soon = world.run_until(HELD_MS, is_let_go);
    assert!(!too_soon, "it was let go before all served it");
    let is_let_go = world.run_until(HELD_MS, is_let_go);
    assert_eq!(is_let_go, is_one_well, "whether one serves it decides");
    world.cure(2);
    world.cure(3);
    world.settle();
}
