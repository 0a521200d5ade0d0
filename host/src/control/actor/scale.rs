//! `actor.scale`: how many instances over the whole lattice; 0 stops it and keeps it declared.

use lattice_config::Declared;
use lattice_protocol::control::{ActorScale, Applied};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, actor_of};
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ActorScale) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    desk.record_applied("actor.scale", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &ActorScale) -> Answer<Draft> {
    let (app, _) = actor_of(declared, &request.name)?;
    Draft::changed(declared, app, |app| {
        if let Some(actor) = app.actors.get_mut(&request.name) {
            actor.instances = request.instances;
        }
    })
}
