//! `provider.list`: every declared provider, where it is, and why it is not where it should be.

use std::time::Instant;

use lattice_config::{Declared, Runs};
use lattice_protocol::control::{Nothing, Placement, ProviderSummary};
use lattice_protocol::id::{ProviderName, TargetName};
use lattice_protocol::report::Report;

use crate::control::desk::Desk;
use crate::control::placement::{Placements, gather};
use crate::control::request::Answer;
use crate::reconcile::unplaced::Unplaced;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ProviderSummary>> {
    let declared = desk.declared().await?;
    let unplaced = desk.unplaced().await?;
    let view = desk.peers.view();
    let reports = view.present(Instant::now());
    Ok(list(&declared, &unplaced, &gather(reports, on)))
}

fn on(report: &Report) -> impl Iterator<Item = (&ProviderName, Placement)> {
    report.providers.iter().map(|(name, provider)| {
        let placement = Placement {
            revision: provider.revision.clone(),
            // A host runs one process of a provider.
            slots: 1,
            settings: provider.settings.clone(),
            refused: provider.refused.clone(),
            phase: provider.phase.clone(),
        };
        (name, placement)
    })
}

fn list(
    declared: &Declared,
    unplaced: &Unplaced,
    placements: &Placements<ProviderName>,
) -> Vec<ProviderSummary> {
    let mut listed = Vec::new();
    for (app, revised) in &declared.apps {
        for (name, provider) in &revised.value.providers {
            listed.push(ProviderSummary {
                name: name.clone(),
                app: app.clone(),
                kind: kind(&provider.runs),
                settings: declared.settings(name).map(|settings| settings.revision),
                hosts: placements.get(name).cloned().unwrap_or_default(),
                unplaced: unplaced.reasons.get(&TargetName::from(name)).cloned(),
            });
        }
    }
    listed
}

fn kind(runs: &Runs) -> String {
    match runs {
        Runs::Kind(kind) => kind.clone(),
        Runs::Exec(words) => words.join(" "),
        Runs::External => "external".to_owned(),
    }
}
