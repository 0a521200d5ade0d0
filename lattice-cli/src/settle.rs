//! Waits until what was declared runs.

mod placed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::bail;
use lattice_client::{Client, ControlError};
use lattice_config::{App, Declared, HostView, Revised, Revision, Runs, plan};
use lattice_protocol::control::{
    ActorSummary, HostSummary, Nothing, Placement, ProviderSummary, Verb,
};
use lattice_protocol::id::{ActorName, ProviderName, TargetName};

use crate::present;
use crate::ui::Progress;
use placed::placed;

/// How often hosts are asked: below what a person notices, above what they report.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long it may take: a large component compiles for two minutes on a slow machine.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(180);

/// How long a reason not to place something must stand before it is told: a host that has just
/// joined is given its work within a second.
const UNPLACED_TOLD_AFTER: Duration = Duration::from_secs(3);

/// How far an app is.
#[derive(Debug, PartialEq, Eq)]
enum Outlook {
    Running,
    /// What is still awaited.
    Waiting(Awaited),
    /// What can't be started, and why.
    Failed(String),
}

/// What is still awaited.
#[derive(Debug, Default, PartialEq, Eq)]
struct Awaited {
    things: Vec<String>,
    /// Why some of it is given to no host.
    unplaced: Vec<String>,
}

/// Waits until every actor and provider of the app runs at the revision that the app declares.
pub(crate) async fn until_running(
    client: &Client,
    app: &App,
    progress: &Progress,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    let mut waiting = String::new();
    let mut unplaced = Unplaced::default();
    while Instant::now() < deadline {
        match look(client, app).await {
            Ok(Outlook::Running) => return Ok(()),
            Ok(Outlook::Failed(reason)) => bail!("{reason}"),
            Ok(Outlook::Waiting(awaited)) => {
                waiting = awaited.things.join(", ");
                progress.detail(&waiting);
                if let Some(reasons) = unplaced.see(awaited.unplaced, Instant::now()) {
                    progress.note(&format!("still waiting: {reasons}"));
                }
            }
            Err(error) if is_passing(&error) => waiting = error.to_string(),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    bail!("not everything runs after {SETTLE_TIMEOUT:?}: {waiting}")
}

/// Waits until no host runs any of these.
pub(crate) async fn until_gone(
    client: &Client,
    names: &[TargetName],
    progress: &Progress,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    let mut left = names.iter().map(ToString::to_string).collect::<Vec<_>>();
    while !left.is_empty() {
        if Instant::now() > deadline {
            bail!(
                "not everything has stopped after {SETTLE_TIMEOUT:?}: {}",
                left.join(", ")
            );
        }
        match client
            .control::<Vec<HostSummary>>(Verb::HostList, &Nothing {})
            .await
        {
            Ok(hosts) => left = still_there(names, &hosts),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error.into()),
        }
        progress.detail(&left.join(", "));
        if !left.is_empty() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
    Ok(())
}

/// Whether a request may well be answered the next time: a host is busy, or each of them just connects
/// anew. They were there when the change was made.
pub(crate) fn is_passing(error: &ControlError) -> bool {
    matches!(error, ControlError::TimedOut(_) | ControlError::NoHost(_))
}

/// What still runs, with its host: a host that is silent may never say that it has stopped it.
fn still_there(names: &[TargetName], hosts: &[HostSummary]) -> Vec<String> {
    let on = |host: &HostSummary| {
        let actors = host.report.actors.keys().map(TargetName::from);
        let all: Vec<_> = actors
            .chain(host.report.providers.keys().map(TargetName::from))
            .filter(|name| names.contains(name))
            .map(|name| format!("{name} on {}", host.report.host))
            .collect();
        all
    };
    present::alive(hosts).flat_map(on).collect()
}

/// The reasons not to place something, each set of them told once, when it has stood for a while.
#[derive(Default)]
struct Unplaced {
    reasons: Vec<String>,
    since: Option<Instant>,
}

impl Unplaced {
    /// What to tell now.
    fn see(&mut self, reasons: Vec<String>, now: Instant) -> Option<String> {
        if reasons != self.reasons {
            self.since = (!reasons.is_empty()).then_some(now);
            self.reasons = reasons;
        }
        self.since
            .take_if(|since| now.duration_since(*since) >= UNPLACED_TOLD_AFTER)
            .map(|_| self.reasons.join("; "))
    }
}

async fn look(client: &Client, app: &App) -> Result<Outlook, ControlError> {
    let actors = client.control(Verb::ActorList, &Nothing {}).await?;
    let providers = client.control(Verb::ProviderList, &Nothing {}).await?;
    let hosts = match app.actors.values().any(|actor| actor.daemon) {
        true => client.control(Verb::HostList, &Nothing {}).await?,
        false => Vec::new(),
    };
    Ok(outlook(app, actors, providers, &hosts))
}

/// `hosts` are looked at for daemons only.
fn outlook(
    app: &App,
    actors: Vec<ActorSummary>,
    providers: Vec<ProviderSummary>,
    hosts: &[HostSummary],
) -> Outlook {
    let mut awaited = Awaited::default();
    let named = |provider: ProviderSummary| (provider.name.clone(), provider);
    let providers = providers.into_iter().map(named).collect();
    let looked = look_at_actors(app, actors, &daemons(app, hosts), &mut awaited)
        .and_then(|()| look_at_settings(app, &providers, &mut awaited))
        .and_then(|()| look_at_providers(app, &providers, &mut awaited));
    match looked {
        Err(reason) => Outlook::Failed(reason),
        Ok(()) if awaited.things.is_empty() => Outlook::Running,
        Ok(()) => Outlook::Waiting(awaited),
    }
}

/// How many instances each daemon of the app comes to: so many on each host that it may run on.
fn daemons(app: &App, hosts: &[HostSummary]) -> BTreeMap<ActorName, u32> {
    let view = |host: &HostSummary| HostView {
        id: host.report.host.clone(),
        labels: host.report.labels.clone(),
        capacity: host.report.capacity,
        draining: false,
    };
    let alive: Vec<_> = present::alive(hosts).map(view).collect();
    let mut declared = Declared::default();
    let (revision, value) = (0, app.clone());
    declared
        .apps
        .insert(app.name.clone(), Revised { revision, value });
    let planned = plan(&declared, &alive, &BTreeMap::new(), 0);
    let mut slots: BTreeMap<ActorName, u32> = BTreeMap::new();
    for actor in planned
        .assignments
        .values()
        .flat_map(|assignment| &assignment.actors)
        .filter(|actor| app.actors.get(&actor.name).is_some_and(|it| it.daemon))
    {
        let all = slots.entry(actor.name.clone()).or_default();
        *all = all.saturating_add(actor.slots);
    }
    slots
}

fn look_at_actors(
    app: &App,
    listed: Vec<ActorSummary>,
    daemons: &BTreeMap<ActorName, u32>,
    awaited: &mut Awaited,
) -> Result<(), String> {
    let listed: BTreeMap<_, _> = listed.into_iter().map(|a| (a.name.clone(), a)).collect();
    for (name, actor) in &app.actors {
        let Some(digest) = actor.component.digest() else {
            continue;
        };
        let found = listed.get(name);
        let revision = Revision::of_actor(digest, &actor.spec());
        // No host may say so any more.
        let taken_back = found.and_then(|found| found.rolled_back.as_ref());
        let taken_back = taken_back.filter(|refused| refused.revision == revision.as_str());
        let running = match taken_back {
            Some(refused) => Err(refused.reason.clone()),
            None => placed(found.map(|found| &found.hosts), &revision, |_| false),
        };
        let running =
            running.map_err(|reason| format!("actor {name} can't be started: {reason}"))?;
        let wanted = match actor.daemon {
            true => daemons.get(name).copied().unwrap_or(actor.instances),
            false => actor.instances,
        };
        let unplaced = found.and_then(|found| found.unplaced.clone());
        // More of them than are wanted have calls to end; and some may run still where they must not.
        if running.slots != wanted || running.others || unplaced.is_some() {
            let count = format!("{} of {wanted} instances", running.slots);
            awaited.add(name, Some(count), unplaced);
        }
    }
    Ok(())
}

fn look_at_providers(
    app: &App,
    listed: &BTreeMap<ProviderName, ProviderSummary>,
    awaited: &mut Awaited,
) -> Result<(), String> {
    for (name, provider) in &app.providers {
        if provider.runs == Runs::External {
            continue;
        }
        let found = listed.get(name);
        let revision = Revision::of_provider(&provider.spec());
        let declared = found.and_then(|found| found.settings.as_deref());
        // What it says of settings that were declared before is no word on these.
        let is_old = |placement: &Placement| {
            let refused = placement.refused.as_ref();
            refused.is_some_and(|refused| declared.is_some_and(|now| refused.revision != now))
        };
        let running = placed(found.map(|found| &found.hosts), &revision, is_old)
            .map_err(|reason| format!("provider {name} can't be started: {reason}"))?;
        let unplaced = found.and_then(|found| found.unplaced.clone());
        // A copy for which there is no host may come much later: the others serve.
        let wanted = unplaced.as_ref().map_or(provider.copies, |_| 1);
        if running.hosts < wanted || running.others {
            let count = format!("{} of {} copies", running.hosts, provider.copies);
            awaited.add(name, (provider.copies > 1).then_some(count), unplaced);
        }
    }
    Ok(())
}

/// Whether each provider that the app has, or links to, works by what is declared for it: before it
/// does, it refuses calls through a new link. One that does not say is not waited for.
fn look_at_settings(
    app: &App,
    listed: &BTreeMap<ProviderName, ProviderSummary>,
    awaited: &mut Awaited,
) -> Result<(), String> {
    let own = app.providers.keys().map(ProviderName::as_str);
    let links = app.actors.values().flat_map(|actor| &actor.links);
    let names: BTreeSet<_> = own.chain(links.map(|link| link.to.as_str())).collect();
    for provider in names.into_iter().filter_map(|name| listed.get(name)) {
        let Some(declared) = &provider.settings else {
            continue;
        };
        for placement in provider.hosts.values() {
            if let Some(refused) = &placement.refused
                && refused.revision == *declared
            {
                let (name, reason) = (&provider.name, &refused.reason);
                return Err(format!(
                    "provider {name} refuses what is declared for it: {reason}"
                ));
            }
        }
        // One that is silent too: it may take up again what it did before.
        let is_behind = |placement: &Placement| {
            let says = placement.settings.as_ref();
            says.is_some_and(|taken| taken != declared)
        };
        if provider.hosts.values().any(is_behind) {
            awaited.add(&provider.name, Some("its settings".to_owned()), None);
        }
    }
    Ok(())
}

impl Awaited {
    fn add(&mut self, name: impl Display, count: Option<String>, unplaced: Option<String>) {
        let about: Vec<_> = count.into_iter().chain(unplaced.clone()).collect();
        self.things.push(match about.is_empty() {
            true => name.to_string(),
            false => format!("{name} ({})", about.join("; ")),
        });
        self.unplaced
            .extend(unplaced.map(|reason| format!("{name}: {reason}")));
    }
}

#[cfg(test)]
#[path = "settle_test.rs"]
mod tests;
