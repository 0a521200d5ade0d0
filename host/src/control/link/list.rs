//! `link.list`: every link.

use lattice_config::Declared;
use lattice_protocol::control::{LinkSummary, Nothing};

use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<LinkSummary>> {
    Ok(list(&desk.declared().await?))
}

fn list(declared: &Declared) -> Vec<LinkSummary> {
    let actors = declared.apps.values().flat_map(|app| &app.value.actors);
    let links =
        actors.flat_map(|(source, actor)| actor.links.iter().map(move |link| (source, link)));
    links
        .map(|(source, link)| LinkSummary {
            source: source.clone(),
            interface: link.interface.clone(),
            name: link.name.clone(),
            target: link.to.clone(),
        })
        .collect()
}
