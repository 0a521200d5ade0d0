//! `link.delete`: a link is removed; one that is not there changes nothing.

use lattice_config::Declared;
use lattice_protocol::control::{Applied, LinkDelete};
use lattice_protocol::event::Kind;

use super::event_subject;
use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, actor_of};
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: LinkDelete) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    let what = event_subject(&request.source, &request.interface, &request.name);
    desk.record("link.delete", Kind::LinkDeleted, what, &applied, &request)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &LinkDelete) -> Answer<Draft> {
    let (app, _) = actor_of(declared, &request.source)?;
    Draft::changed(declared, app, |app| {
        if let Some(actor) = app.actors.get_mut(&request.source) {
            actor
                .links
                .retain(|link| link.interface != request.interface || link.name != request.name);
        }
    })
}
