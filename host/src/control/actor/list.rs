//! `actor.list`: every declared actor, where it is, and why it is not where it should be.

use std::collections::BTreeMap;
use std::time::Instant;

use lattice_config::Declared;
use lattice_protocol::control::{ActorSummary, Nothing, Placement};
use lattice_protocol::id::{ActorName, HostId, TargetName};
use lattice_protocol::report::Report;
use serde::Serialize;

use crate::control::desk::Desk;
use crate::control::request::{Answer, state_problem};
use crate::reconcile::unplaced::Unplaced;

/// An actor, with what keeps it from its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct ActorListed {
    #[serde(flatten)]
    summary: ActorSummary,
    /// Why it is not placed, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unplaced: Option<String>,
}

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ActorListed>> {
    let declared = desk.declared().await?;
    let unplaced = Unplaced::read(&desk.state).await.map_err(state_problem)?;
    let placements = placements(
        desk.peers
            .view()
            .listed(Instant::now())
            .map(|(report, _)| report),
    );
    Ok(list(&declared, &unplaced, &placements))
}

type Placements = BTreeMap<ActorName, BTreeMap<HostId, Placement>>;

/// Where each actor is, by what the hosts said.
fn placements<'a>(reports: impl Iterator<Item = &'a Report>) -> Placements {
    let mut placements = Placements::new();
    for report in reports {
        for (name, actor) in &report.actors {
            let placement = Placement {
                revision: actor.revision.clone(),
                slots: actor.slots,
                phase: actor.phase.clone(),
            };
            placements
                .entry(name.clone())
                .or_default()
                .insert(report.host.clone(), placement);
        }
    }
    placements
}

fn list(declared: &Declared, unplaced: &Unplaced, placements: &Placements) -> Vec<ActorListed> {
    let mut listed = Vec::new();
    for (app, revised) in &declared.apps {
        for (name, actor) in &revised.value.actors {
            let summary = ActorSummary {
                name: name.clone(),
                app: app.clone(),
                component: actor.component.to_string(),
                wanted: actor.instances,
                hosts: placements.get(name).cloned().unwrap_or_default(),
            };
            let unplaced = unplaced.reasons.get(&TargetName::from(name)).cloned();
            listed.push(ActorListed { summary, unplaced });
        }
    }
    listed
}
