//! `actor.update`: a new component, a new config, or both: a new revision.

use lattice_config::{ComponentRef, Declared};
use lattice_protocol::control::{ActorUpdate, Applied};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, actor_of};
use crate::control::request::{Answer, bad};

pub(in crate::control) async fn handle(desk: &Desk, request: ActorUpdate) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    desk.record_applied("actor.update", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &ActorUpdate) -> Answer<Draft> {
    let parse = |text: &String| text.parse::<ComponentRef>();
    let component = request.component.as_ref().map(parse).transpose();
    let component = component.map_err(|error| bad(format!("actor {}: {error}", request.name)))?;
    let (app, _) = actor_of(declared, &request.name)?;
    Draft::changed(declared, app, |app| {
        let Some(actor) = app.actors.get_mut(&request.name) else {
            return;
        };
        if let Some(component) = component {
            actor.component = component;
        }
        if let Some(config) = &request.config {
            actor.config.clone_from(config);
        }
    })
}
