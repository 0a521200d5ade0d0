//! The lattice that is simulated: its hosts, and what is declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use lattice_config::plan::{HostView, Plan};
use lattice_config::{Actor, App, ComponentRef, Declared, Revised};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::HostId;
use lattice_protocol::report::{ActorReport, AssignmentRevision, Connection, Phase, Report};

use super::INSTANCES;

/// Apps among which the actors are divided.
const APPS: u32 = 10;

pub(super) fn views(count: u32) -> anyhow::Result<Vec<HostView>> {
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

pub(super) fn declared(count: u32) -> anyhow::Result<Declared> {
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
    Ok(Declared {
        apps,
        ..Declared::default()
    })
}

pub(super) fn changed(mut declared: Declared) -> anyhow::Result<Declared> {
    let app = declared.apps.values_mut().next().context("no app")?;
    let actor = app.value.actors.values_mut().next().context("no actor")?;
    actor.component = ComponentRef::Digest(Digest::of(b"a new one"));
    Ok(declared)
}

/// Every host serves what it is assigned.
pub(super) fn serving(made: &Plan, hosts: u32) -> anyhow::Result<BTreeMap<HostId, Arc<Report>>> {
    let views = views(hosts)?;
    // As long as they are on a real server.
    let connection = Some(Connection {
        server: "NA".repeat(28).parse()?,
        client: 123,
    });
    let assignment = Some(AssignmentRevision {
        epoch: 7 << 16,
        revision: 12_345,
    });
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
        let report = Report {
            host: view.id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            labels: view.labels,
            capacity: view.capacity,
            uptime_ms: 86_400_000,
            connection: connection.clone(),
            assignment,
            actors: actors.map(|one| (one.name.clone(), actor(one))).collect(),
            providers: BTreeMap::new(),
        };
        (view.id, Arc::new(report))
    });
    Ok(hosts.collect())
}
