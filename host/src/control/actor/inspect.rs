//! `actor.inspect`: what can be called of an actor, answered by a host that runs it.

use std::time::Instant;

use lattice_protocol::control::{ActorDetail, ByActor, HostVerb};
use lattice_protocol::id::{ActorName, HostId};
use lattice_protocol::report::{ActorReport, Phase, Report};

use crate::control::desk::Desk;
use crate::control::edit::actor_of;
use crate::control::request::{Answer, forward_problem, unavailable};

pub(in crate::control) async fn handle(desk: &Desk, request: ByActor) -> Answer<ActorDetail> {
    if let Some(detail) = desk.actors.inspect(&request.name) {
        return Ok(detail);
    }
    let host = runs_on(
        desk.peers.view().routable(Instant::now()),
        &desk.host,
        &request.name,
    );
    if let Some(host) = host {
        let asked = desk
            .client
            .control_host(&host, HostVerb::Inspect, &request)
            .await;
        return asked.map_err(forward_problem);
    }
    let declared = desk.declared().await?;
    let (_, actor) = actor_of(&declared, &request.name)?;
    let why = match actor.instances {
        0 => "it is scaled to 0: scale it up first",
        _ => "it starts, or can't start: see actor.list",
    };
    Err(unavailable(format!(
        "actor {} runs on no host: {why}",
        request.name
    )))
}

/// Another host that runs the actor.
fn runs_on<'a>(
    mut hosts: impl Iterator<Item = &'a Report>,
    me: &HostId,
    name: &ActorName,
) -> Option<HostId> {
    let runs = |actor: &ActorReport| matches!(actor.phase, Phase::Running);
    let found =
        hosts.find(|report| report.host != *me && report.actors.get(name).is_some_and(runs));
    found.map(|report| report.host.clone())
}
