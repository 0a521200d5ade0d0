//! `provider.stop`: a provider is removed from its app; an app that is left with nothing goes too.

use lattice_config::Declared;
use lattice_protocol::control::{Applied, ByProvider};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, provider_of};
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ByProvider) -> Answer<Applied> {
    let applied = commit(desk, request.if_revision, |declared| {
        edit(declared, &request)
    })
    .await?;
    desk.record_applied("provider.stop", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

pub(in crate::control) fn edit(declared: &Declared, request: &ByProvider) -> Answer<Draft> {
    let (app, _) = provider_of(declared, &request.name)?;
    Draft::changed(declared, app, |app| {
        drop(app.providers.remove(&request.name))
    })
}
