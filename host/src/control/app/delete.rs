//! `app.delete`: an app is removed, and what it declares stops. Removing it again changes nothing;
//! a name that was never declared is an error, as it is a slip.

use lattice_config::Declared;
use lattice_config::state::key;
use lattice_protocol::control::{Applied, ByApp};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, no_app};
use crate::control::request::{Answer, state_problem};

pub(in crate::control) async fn handle(desk: &Desk, request: ByApp) -> Answer<Applied> {
    let mark = desk
        .state
        .get(&key::app(&request.name))
        .await
        .map_err(state_problem)?;
    let was_deleted = mark.is_some_and(|entry| entry.value.is_none());
    let edit = |declared: &Declared| edit(declared, &request, was_deleted);
    let applied = commit(desk, request.if_revision, edit).await?;
    desk.record_applied("app.delete", Kind::AppDeleted, &applied)
        .await;
    Ok(applied)
}

fn edit(declared: &Declared, request: &ByApp, was_deleted: bool) -> Answer<Draft> {
    if !declared.apps.contains_key(&request.name) && !was_deleted {
        return Err(no_app(declared, &request.name));
    }
    Ok(Draft {
        app: request.name.clone(),
        after: None,
    })
}
