//! `app.export`: an app as the manifest that would declare it.

use lattice_protocol::control::{AppExport, ByApp};

use crate::control::commit::check_revision;
use crate::control::desk::Desk;
use crate::control::edit::app_of;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ByApp) -> Answer<AppExport> {
    let declared = desk.declared().await?;
    let found = app_of(&declared, &request.name)?;
    check_revision(&request.name, Some(found), request.if_revision)?;
    Ok(AppExport {
        revision: found.revision,
        manifest: found.value.to_toml(),
        name: request.name,
    })
}
