//! `app.diff`: what an apply would change, or why it would be refused. Components are pushed after it, if
//! at all: whether they are stored is not asked.

use lattice_config::diff;
use lattice_protocol::control::{AppApply, Change};

use super::apply::parse;
use crate::control::commit::{check_revision, check_unpushed};
use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: AppApply) -> Answer<Vec<Change>> {
    let app = parse(&request.manifest)?;
    let declared = desk.declared().await?;
    let before = declared.apps.get(&app.name);
    check_revision(&app.name, before, request.if_revision)?;
    let before = before.map(|revised| &revised.value);
    check_unpushed(&declared, &app)?;
    Ok(diff(before, Some(&app)))
}
