//! `provider.list`: every declared provider, where it is, and why it is not where it should be.

use std::collections::BTreeMap;
use std::time::Instant;

use lattice_config::{Declared, Runs};
use lattice_protocol::control::{Nothing, Placement, ProviderSummary};
use lattice_protocol::id::{HostId, ProviderName, TargetName};
use lattice_protocol::report::Report;
use serde::Serialize;

use crate::control::desk::Desk;
use crate::control::request::{Answer, state_problem};
use crate::reconcile::unplaced::Unplaced;

/// A provider, with what keeps it from its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct ProviderListed {
    #[serde(flatten)]
    summary: ProviderSummary,
    /// Why it is not placed, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unplaced: Option<String>,
}

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ProviderListed>> {
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

type Placements = BTreeMap<ProviderName, BTreeMap<HostId, Placement>>;

/// Where each provider is, by what the hosts said.
fn placements<'a>(reports: impl Iterator<Item = &'a Report>) -> Placements {
    let mut placements = Placements::new();
    for report in reports {
        for (name, provider) in &report.providers {
            // A host runs one process of a provider.
            let (revision, phase) = (provider.revision.clone(), provider.phase.clone());
            let placement = Placement {
                revision,
                slots: 1,
                phase,
            };
            placements
                .entry(name.clone())
                .or_default()
                .insert(report.host.clone(), placement);
        }
    }
    placements
}

fn list(declared: &Declared, unplaced: &Unplaced, placements: &Placements) -> Vec<ProviderListed> {
    let mut listed = Vec::new();
    for (app, revised) in &declared.apps {
        for (name, provider) in &revised.value.providers {
            let kind = match &provider.runs {
                Runs::Kind(kind) => kind.clone(),
                Runs::Exec(words) => words.join(" "),
                Runs::External => "external".to_owned(),
            };
            let hosts = placements.get(name).cloned().unwrap_or_default();
            let summary = ProviderSummary {
                name: name.clone(),
                app: app.clone(),
                kind,
                hosts,
            };
            let unplaced = unplaced.reasons.get(&TargetName::from(name)).cloned();
            listed.push(ProviderListed { summary, unplaced });
        }
    }
    listed
}
