//! What operators declare in the simulation, and what is to run for it.

use std::collections::BTreeMap;

use bytes::Bytes;
use lattice_client::StateEntry;
use lattice_config::state::{self, Key, key};
use lattice_config::{Actor, App, ComponentRef, Declared, Revised};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::AppName;

const APPS: [&str; 3] = ["one", "two", "three"];

/// Code that no host can start.
pub(super) fn bad() -> ComponentRef {
    ComponentRef::Digest(Digest::of(b"bad"))
}

/// Some app, with actors of its own name.
pub(super) fn some(random: &mut fastrand::Rng, labels: bool) -> App {
    let name = APPS[random.usize(0..APPS.len())];
    let mut app = App::new(name.parse().unwrap(), "1");
    for at in 0..random.usize(1..4) {
        let actor = actor(random, labels);
        app.actors
            .insert(format!("{name}-{at}").parse().unwrap(), actor);
    }
    app
}

fn actor(random: &mut fastrand::Rng, labels: bool) -> Actor {
    let code = Digest::of(&[random.u8(0..4)]);
    let mut actor = Actor::new(ComponentRef::Digest(code));
    actor.instances = random.u32(1..9);
    if random.u32(0..6) == 0 {
        // Large ones make assignments of several parts.
        let value = "x".repeat(12 * 1024);
        actor.config.insert("large".to_owned(), value);
    }
    if !labels {
        return actor;
    }
    match random.u32(0..6) {
        0 => actor.daemon = true,
        1 => actor.spread = Some("zone".to_owned()),
        2 => drop(actor.require.insert("zone".to_owned(), "a".to_owned())),
        3 => actor.instances = 0,
        _ => {}
    }
    actor
}

pub(super) fn bytes(app: &App) -> Bytes {
    state::encode(app).unwrap().into()
}

pub(super) fn every_key() -> impl Iterator<Item = (AppName, String)> {
    APPS.iter().map(|name| {
        let name: AppName = name.parse().unwrap();
        let key = key::app(&name);
        (name, key)
    })
}

/// What is declared by these entries.
pub(super) fn declared(entries: &[StateEntry]) -> Declared {
    let mut apps = BTreeMap::new();
    for entry in entries {
        if let (Some(Key::App(name)), Some(value)) = (Key::read(&entry.key), &entry.value) {
            let value = state::decode::<App>(value).unwrap();
            let revision = entry.revision;
            apps.insert(name, Revised { revision, value });
        }
    }
    Declared {
        apps,
        ..Declared::default()
    }
}
