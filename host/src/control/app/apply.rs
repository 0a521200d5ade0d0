//! `app.apply`: an app is declared as its manifest says.

use lattice_config::{App, Manifest};
use lattice_protocol::control::{AppApply, Applied};
use lattice_protocol::event::Kind;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::Draft;
use crate::control::request::{Answer, bad};

pub(in crate::control) async fn handle(desk: &Desk, request: AppApply) -> Answer<Applied> {
    let app = parse(&request.manifest)?;
    let draft = Draft {
        app: app.name.clone(),
        after: Some(app),
    };
    let applied = commit(desk, request.if_revision, |_| Ok(draft.clone())).await?;
    desk.record_applied("app.apply", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

/// Reads a manifest; what its components must be is checked with the rest of the app.
pub(in crate::control) fn parse(manifest: &str) -> Answer<App> {
    let manifest = Manifest::parse(manifest)
        .map_err(|error| bad(format!("the manifest is not valid: {error}")))?;
    Ok(manifest.app().clone())
}
