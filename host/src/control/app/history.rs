//! `app.history`: an app's kept revisions, newest first.

use lattice_client::StateRevision;
use lattice_config::state::key;
use lattice_protocol::control::{AppRevision, ByApp};
use lattice_protocol::id::AppName;

use crate::control::commit::stored_app;
use crate::control::desk::Desk;
use crate::control::edit::no_app;
use crate::control::request::{Answer, state_problem};

pub(in crate::control) async fn handle(desk: &Desk, request: ByApp) -> Answer<Vec<AppRevision>> {
    let kept = read(desk, &request.name).await?;
    Ok(kept
        .into_iter()
        .rev()
        .map(|kept| summary(&request.name, kept))
        .collect())
}

/// An app's kept revisions, oldest first.
pub(super) async fn read(desk: &Desk, name: &AppName) -> Answer<Vec<StateRevision>> {
    let kept = desk
        .state
        .history(&key::app(name))
        .await
        .map_err(state_problem)?;
    if kept.is_empty() {
        return Err(no_app(&desk.declared().await?, name));
    }
    Ok(kept)
}

fn summary(name: &AppName, kept: StateRevision) -> AppRevision {
    // One that can't be read is listed all the same: it is a revision.
    let app = kept
        .value
        .as_ref()
        .and_then(|value| stored_app(&key::app(name), value).ok());
    AppRevision {
        revision: kept.revision,
        written: kept.written,
        deleted: kept.value.is_none(),
        version: app
            .as_ref()
            .map(|app| app.version.clone())
            .unwrap_or_default(),
        actors: app
            .iter()
            .flat_map(|app| app.actors.keys().cloned())
            .collect(),
        providers: app
            .iter()
            .flat_map(|app| app.providers.keys().cloned())
            .collect(),
        rolled_back: app.and_then(|app| app.rolled_back),
    }
}
