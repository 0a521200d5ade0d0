//! Waits until what was declared runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use lattice_client::{Client, ControlError};
use lattice_config::{App, Revision, Runs};
use lattice_protocol::control::{ActorSummary, Nothing, Placement, ProviderSummary, Verb};
use lattice_protocol::id::HostId;
use lattice_protocol::report::Phase;

use crate::ui::Progress;

/// How often hosts are asked: below what a person notices, above what they report.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long it may take: a large component compiles for two minutes on a slow machine.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(180);

/// How far an app is.
#[derive(Debug, PartialEq, Eq)]
enum Outlook {
    Running,
    /// What is still awaited.
    Waiting(String),
    /// What can't be started, and why.
    Failed(String),
}

/// Waits until every actor and provider of the app runs at the revision that the app declares.
pub(crate) async fn until_running(
    client: &Client,
    app: &App,
    progress: &Progress,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    let mut waiting = String::new();
    while Instant::now() < deadline {
        match look(client, app).await {
            Ok(Outlook::Running) => return Ok(()),
            Ok(Outlook::Failed(reason)) => bail!("{reason}"),
            Ok(Outlook::Waiting(what)) => {
                progress.detail(&what);
                waiting = what;
            }
            // A host that is busy with its start answers the next time.
            Err(ControlError::TimedOut(_)) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    bail!("not everything runs after {SETTLE_TIMEOUT:?}: {waiting}")
}

async fn look(client: &Client, app: &App) -> Result<Outlook, ControlError> {
    let actors = client.control(Verb::ActorList, &Nothing {}).await?;
    let providers = client.control(Verb::ProviderList, &Nothing {}).await?;
    Ok(outlook(app, actors, providers))
}

fn outlook(app: &App, actors: Vec<ActorSummary>, providers: Vec<ProviderSummary>) -> Outlook {
    let mut waiting = Vec::new();
    let actors: BTreeMap<_, _> = actors.into_iter().map(|a| (a.name, a.hosts)).collect();
    for (name, actor) in &app.actors {
        let Some(digest) = actor.component.digest() else {
            continue;
        };
        let revision = Revision::of_actor(digest, &actor.spec());
        match placed(actors.get(name), &revision) {
            Err(reason) => {
                return Outlook::Failed(format!("actor {name} can't be started: {reason}"));
            }
            Ok(running) if running.slots < actor.instances || running.others => {
                waiting.push(format!(
                    "{name} ({} of {} instances)",
                    running.slots, actor.instances
                ));
            }
            Ok(_) => {}
        }
    }
    let providers: BTreeMap<_, _> = providers.into_iter().map(|p| (p.name, p.hosts)).collect();
    for (name, provider) in &app.providers {
        if provider.runs == Runs::External {
            continue;
        }
        let revision = Revision::of_provider(&provider.spec());
        match placed(providers.get(name), &revision) {
            Err(reason) => {
                return Outlook::Failed(format!("provider {name} can't be started: {reason}"));
            }
            Ok(running) if running.hosts == 0 || running.others => waiting.push(name.to_string()),
            Ok(_) => {}
        }
    }
    if waiting.is_empty() {
        Outlook::Running
    } else {
        Outlook::Waiting(waiting.join(", "))
    }
}

#[derive(Default)]
struct Running {
    hosts: u32,
    slots: u32,
    /// Whether it is on its way on some host, or runs there as it was before.
    others: bool,
}

/// Where a thing runs at a revision, or why it does not.
fn placed(
    hosts: Option<&BTreeMap<HostId, Placement>>,
    revision: &Revision,
) -> Result<Running, String> {
    let mut running = Running::default();
    for placement in hosts.into_iter().flatten().map(|(_, placement)| placement) {
        let wanted = placement.revision == revision.as_str();
        match &placement.phase {
            Phase::Failed { reason } if wanted => return Err(reason.clone()),
            Phase::Running if wanted => {
                running.hosts += 1;
                running.slots = running.slots.saturating_add(placement.slots);
            }
            _ => running.others = true,
        }
    }
    Ok(running)
}

#[cfg(test)]
#[path = "settle_test.rs"]
mod tests;
