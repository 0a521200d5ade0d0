//! Updates that no host can start, taken back: what the hosts say in, the declaration before it out.
//!
//! Until then the hosts that ran the actor before go on with that, but whoever takes over from them would
//! get only what can't be started. Only positive evidence acts: every host that is to run the declared
//! revision says that it can't, for a reason that does not pass by itself, and at least one still runs
//! another. An app is written over the very revision that was refused, so whoever declares it anew
//! meanwhile wins; and once, as a roll-back is never rolled back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use lattice_client::StateRevision;
use lattice_config::state::{self, key};
use lattice_config::{App, Declared, Revised, Revision, diff, roll_back, validate};
use lattice_protocol::control::{Applied, REASON_LEN_MAX, RolledBack};
use lattice_protocol::id::{ActorName, AppName, HostId};
use lattice_protocol::report::{ActorReport, Phase, Refused, Report};

use super::ask::{Answer, Ask};
use super::assigned::Assigned;
use super::step::{Step, Tag};

/// The most actors of one app whose reason is kept: a person reads the first few.
const REASONS_MAX: usize = 20;

/// What no host can start of an app, while at least one still runs what was before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    /// The revision of the app.
    revision: u64,
    refused: BTreeMap<ActorName, Refused>,
    /// The revisions of each actor that still run.
    running: BTreeMap<ActorName, BTreeSet<String>>,
}

/// An app that was written back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What was written and how it differs from what was refused.
    pub applied: Applied,
    /// Why.
    pub why: RolledBack,
}

/// An app on its way back.
#[derive(Debug)]
enum Stage {
    /// What is kept of it is to be read.
    Read(Refusal),
    Reading(Refusal),
    Write {
        value: Bytes,
        over: u64,
        done: Done,
    },
    Writing(Done),
}

/// The apps that go back under one lease.
#[derive(Debug, Default)]
pub struct Rollbacks {
    apps: BTreeMap<AppName, Stage>,
    /// The revision of each app that was decided about: once is enough.
    decided: BTreeMap<AppName, u64>,
    tell: VecDeque<Done>,
}

impl Rollbacks {
    /// Looks for what no host can start.
    pub fn look(
        &mut self,
        declared: &Declared,
        assigned: &Assigned,
        alive: &BTreeMap<HostId, Arc<Report>>,
    ) {
        self.decided
            .retain(|app, _| declared.apps.contains_key(app));
        for (app, refusal) in refusals(declared, assigned, alive) {
            if self.decided.get(&app) != Some(&refusal.revision) && !self.apps.contains_key(&app) {
                self.decided.insert(app.clone(), refusal.revision);
                self.apps.insert(app, Stage::Read(refusal));
            }
        }
    }

    /// What to do now, if anything.
    pub fn step(&mut self) -> Option<Step> {
        if let Some(done) = self.tell.pop_front() {
            return Some(Step::RolledBack(done));
        }
        let is_due = |stage: &&mut Stage| matches!(stage, Stage::Read(_) | Stage::Write { .. });
        let mut apps = self.apps.iter_mut();
        let (app, stage) = apps.find(|(_, stage)| is_due(stage))?;
        let (key, tag) = (key::app(app), Tag::App(app.clone()));
        let ask = match stage {
            Stage::Read(refusal) => {
                *stage = Stage::Reading(refusal.clone());
                Ask::History { key }
            }
            Stage::Write { value, over, done } => {
                let (value, over) = (value.clone(), *over);
                *stage = Stage::Writing(done.clone());
                Ask::Put { key, value, over }
            }
            Stage::Reading(_) | Stage::Writing(_) => return None,
        };
        Some(Step::Ask(tag, ask))
    }

    /// The state answered.
    pub fn answered(&mut self, app: &AppName, answer: Answer, declared: &Declared) {
        match (self.apps.remove(app), answer) {
            (Some(Stage::Reading(refusal)), Answer::History(kept)) => {
                if let Some(stage) = decide(app, &refusal, kept, declared) {
                    self.apps.insert(app.clone(), stage);
                }
            }
            (Some(Stage::Writing(mut done)), Answer::Written { revision }) => {
                done.applied.revision = revision;
                self.tell.push_back(done);
            }
            // Somebody declared it anew meanwhile: that is what counts.
            (Some(Stage::Writing(_)), Answer::Conflict) => {}
            (Some(_), answer) => {
                tracing::warn!(%app, ?answer, "an update that no host can start is not taken back yet");
                self.decided.remove(app);
            }
            (None, _) => {}
        }
    }
}

/// Every app of which something can't be started anywhere.
fn refusals(
    declared: &Declared,
    assigned: &Assigned,
    alive: &BTreeMap<HostId, Arc<Report>>,
) -> BTreeMap<AppName, Refusal> {
    let reports = alive.values().flat_map(|report| &report.actors);
    let named = reports.filter(|(_, actor)| actor.refused.is_some());
    let names: BTreeSet<_> = named.map(|(name, _)| name).collect();
    let mut refusals: BTreeMap<AppName, Refusal> = BTreeMap::new();
    for name in names {
        let Some((app, declared_at, revision)) = declared_as(declared, name) else {
            continue;
        };
        let Some((refused, running)) = refused(name, &revision, assigned, alive) else {
            continue;
        };
        let refusal = refusals.entry(app.clone()).or_insert_with(|| Refusal {
            revision: declared_at,
            refused: BTreeMap::new(),
            running: BTreeMap::new(),
        });
        if refusal.refused.len() < REASONS_MAX {
            refusal.refused.insert(name.clone(), refused);
            refusal.running.insert(name.clone(), running);
        }
    }
    refusals
}

/// The app of an actor with its revision, and the actor's; none if the app is a roll-back already.
fn declared_as<'a>(
    declared: &'a Declared,
    name: &ActorName,
) -> Option<(&'a AppName, u64, Revision)> {
    let (app, actor) = declared.actor(name)?;
    let found = declared.apps.get(app)?;
    let is_back = found.value.rolled_back.is_some();
    let component = actor.component.digest().filter(|_| !is_back)?;
    let revision = Revision::of_actor(component, &actor.spec());
    Some((app, found.revision, revision))
}

/// Why no host can start this revision of an actor, and what runs in its place.
fn refused(
    name: &ActorName,
    revision: &Revision,
    assigned: &Assigned,
    alive: &BTreeMap<HostId, Arc<Report>>,
) -> Option<(Refused, BTreeSet<String>)> {
    let said = |report: &Arc<Report>| report.actors.get(name).cloned();
    let is_asked = |host: &HostId| assigned.revision_of(host, name) == Some(revision);
    let mut asked = alive.iter().filter(|(host, _)| is_asked(host));
    let why = |actor: ActorReport| {
        let refused = actor.refused?;
        (refused.revision == revision.as_str() && !refused.may_pass).then_some(refused)
    };
    let first = why(said(asked.next()?.1)?)?;
    if !asked.all(|(_, report)| said(report).and_then(why).is_some()) {
        return None;
    }
    let runs = |actor: &ActorReport| actor.phase == Phase::Running && actor.slots > 0;
    let running = alive.values().filter_map(said).filter(runs);
    let running: BTreeSet<_> = running.map(|actor| actor.revision).collect();
    let reason = first.reason;
    let reason = reason[..reason.floor_char_boundary(REASON_LEN_MAX)].to_owned();
    let first = Refused { reason, ..first };
    let is_good = !running.is_empty() && !running.contains(revision.as_str());
    is_good.then_some((first, running))
}

/// What to write, by what is kept of the app.
fn decide(
    app: &AppName,
    refusal: &Refusal,
    kept: Vec<StateRevision>,
    declared: &Declared,
) -> Option<Stage> {
    let kept = since_declared(kept);
    let now = kept.last().filter(|now| now.revision == refusal.revision)?;
    let runs = |name: &ActorName, revision: &Revision| {
        let running = refusal.running.get(name);
        running.is_some_and(|running| running.contains(revision.as_str()))
    };
    let Some(back) = roll_back(&kept, &refusal.refused, runs) else {
        tracing::warn!(%app, "no host can start it, and nothing is kept that could be gone back to");
        return None;
    };
    let problems = match validate(&back, &declared.names_of_others(app)) {
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
        Ok(()) => declared
            .check_names(&back)
            .err()
            .map_or_else(Vec::new, |taken| {
                taken.iter().map(ToString::to_string).collect()
            }),
    };
    let value = match state::encode(&back) {
        Ok(value) if problems.is_empty() => value,
        encoded => {
            let error = encoded.err().map(|error| error.to_string());
            tracing::warn!(%app, ?problems, error, "no host can start it, and it can't go back");
            return None;
        }
    };
    let why = back.rolled_back.clone()?;
    let applied = Applied {
        app: app.clone(),
        revision: now.revision,
        changes: diff(Some(&now.value), Some(&back)),
    };
    Some(Stage::Write {
        value: value.into(),
        over: now.revision,
        done: Done { applied, why },
    })
}

/// What is kept of an app since it was declared last, oldest first; what can't be read is passed over.
fn since_declared(kept: Vec<StateRevision>) -> Vec<Revised<App>> {
    let mut since = Vec::new();
    for StateRevision {
        revision, value, ..
    } in kept
    {
        match value.map(|value| state::decode(&value)) {
            None => since.clear(),
            Some(Ok(value)) => since.push(Revised { revision, value }),
            Some(Err(error)) => tracing::warn!(revision, %error, "a kept revision can't be read"),
        }
    }
    since
}

#[cfg(test)]
#[path = "rollback_test.rs"]
mod tests;
