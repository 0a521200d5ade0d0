//! `app.list`: every app.

use lattice_protocol::control::{AppSummary, Nothing};

use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<AppSummary>> {
    let declared = desk.declared().await?;
    let summary = |(name, revised): (_, lattice_config::Revised<lattice_config::App>)| AppSummary {
        name,
        version: revised.value.version.clone(),
        revision: revised.revision,
        actors: revised.value.actors.keys().cloned().collect(),
        providers: revised.value.providers.keys().cloned().collect(),
    };
    Ok(declared.apps.into_iter().map(summary).collect())
}
