//! `link.put`: a link is declared, or changed.

use lattice_config::{Actor, Declared, Link};
use lattice_protocol::control::{Applied, LinkPut};
use lattice_protocol::event::Kind;

use super::event_subject;
use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, actor_of};
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: LinkPut) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    let what = event_subject(&request.source, &request.interface, &request.name);
    desk.record("link.put", Kind::LinkPut, what, &applied, &request)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &LinkPut) -> Answer<Draft> {
    let (app, _) = actor_of(declared, &request.source)?;
    Draft::changed(declared, app, |app| {
        if let Some(actor) = app.actors.get_mut(&request.source) {
            put(actor, request);
        }
    })
}

/// What a request can't say, deadline and `idempotent`, stays as it is.
fn put(actor: &mut Actor, request: &LinkPut) {
    let is_it = |link: &&mut Link| link.interface == request.interface && link.name == request.name;
    match actor.links.iter_mut().find(is_it) {
        Some(link) => {
            link.to = request.target.clone();
            link.config = request.config.clone();
        }
        None => {
            let mut link = Link::new(request.interface.clone(), request.target.clone());
            link.name = request.name.clone();
            link.config = request.config.clone();
            actor.links.push(link);
        }
    }
}
