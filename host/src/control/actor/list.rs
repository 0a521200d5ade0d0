//! `actor.list`: every declared actor, where it is, and why it is not where it should be.

use std::time::Instant;

use lattice_config::{App, Declared};
use lattice_protocol::control::{ActorSummary, Nothing, Placement};
use lattice_protocol::id::{ActorName, TargetName};
use lattice_protocol::report::{Refused, Report};

use crate::control::desk::Desk;
use crate::control::placement::{Placements, gather};
use crate::control::request::Answer;
use crate::reconcile::unplaced::Unplaced;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ActorSummary>> {
    let declared = desk.declared().await?;
    let unplaced = desk.unplaced().await?;
    let view = desk.peers.view();
    let reports = view.present(Instant::now());
    Ok(list(&declared, &unplaced, &gather(reports, on)))
}

fn on(report: &Report) -> impl Iterator<Item = (&ActorName, Placement)> {
    report.actors.iter().map(|(name, actor)| {
        let placement = Placement {
            revision: actor.revision.clone(),
            slots: actor.slots,
            settings: None,
            refused: actor.refused.clone(),
            phase: actor.phase.clone(),
        };
        (name, placement)
    })
}

fn list(
    declared: &Declared,
    unplaced: &Unplaced,
    placements: &Placements<ActorName>,
) -> Vec<ActorSummary> {
    let mut listed = Vec::new();
    for (app, revised) in &declared.apps {
        for (name, actor) in &revised.value.actors {
            listed.push(ActorSummary {
                name: name.clone(),
                app: app.clone(),
                component: actor.component.to_string(),
                wanted: actor.instances,
                hosts: placements.get(name).cloned().unwrap_or_default(),
                rolled_back: rolled_back(&revised.value, name),
                unplaced: unplaced.reasons.get(&TargetName::from(name)).cloned(),
            });
        }
    }
    listed
}

fn rolled_back(app: &App, name: &ActorName) -> Option<Refused> {
    app.rolled_back.as_ref()?.refused.get(name).cloned()
}
