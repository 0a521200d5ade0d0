//! `actor.stop`: an actor is removed from its app; an app that is left with nothing goes with it.

use lattice_config::Declared;
use lattice_protocol::control::{Applied, ByActor};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, actor_of};
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ByActor) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    desk.record_applied("actor.stop", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &ByActor) -> Answer<Draft> {
    let (app, _) = actor_of(declared, &request.name)?;
    Draft::changed(declared, app, |app| drop(app.actors.remove(&request.name)))
}
