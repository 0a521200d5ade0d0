//! Who does what: everything declared × every host → one assignment for each host.
//!
//! The plan is a function: the same input gives the same plan on every host and under every version
//! of the compiler, in whatever order hosts and apps come, and the plan of a plan is the same plan.
//! For each actor it costs O(h log h) over h hosts. How to get there without a gap is [`hand_over`].
//!
//! An actor's instances are divided by capacity. What can't be divided evenly is decided by
//! rendezvous hashing, so a host that joins takes a share of the actors with few instances too, a
//! host that leaves gives away only its own, and nothing else moves. A provider has a process, a
//! port, perhaps a file: its copies stay where they were as long as that host is fit for them.

mod actor;
mod asked;
mod ground;
mod handover;
mod provider;
mod rendezvous;
mod share;

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::id::{AppName, HostId, TargetName};

use crate::assignment::Assignment;
use crate::declared::Declared;
use asked::Asked;
use ground::Ground;

pub use handover::{Word, hand_over, held};
pub(crate) use rendezvous::{bits16, hash as name_hash};

/// A host as the plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostView {
    /// The host.
    pub id: HostId,
    /// What `require` and `spread` look at.
    pub labels: BTreeMap<String, String>,
    /// How many instances it can run at once: its weight, and the most slots of one actor on it.
    pub capacity: u32,
    /// Whether it gives its work away: it is assigned nothing.
    pub draining: bool,
}

/// Who does what, and what nobody can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// For every host, also one without work.
    pub assignments: BTreeMap<HostId, Assignment>,
    /// What could not be placed, or not all of it.
    pub unplaced: Vec<Unplaced>,
}

/// An actor or a provider that is not placed as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Which.
    pub name: TargetName,
    /// Why, for people.
    pub reason: String,
}

/// Computes the plan. `previous` is what was assigned last; hosts have distinct ids.
pub fn plan(
    declared: &Declared,
    hosts: &[HostView],
    previous: &BTreeMap<HostId, Assignment>,
    epoch: u64,
) -> Plan {
    let ground = Ground::new(hosts, previous);
    let mut draft = Draft::new(&ground, Asked::of_all(declared), epoch);
    let mut owners: BTreeMap<TargetName, &AppName> = BTreeMap::new();
    for (app_name, app) in declared
        .apps
        .iter()
        .map(|(name, revised)| (name, &revised.value))
    {
        let mine: BTreeSet<_> = app
            .names()
            .filter(|name| draft.claim(name, app_name, &mut owners))
            .collect();
        for (name, actor) in app
            .actors
            .iter()
            .filter(|(name, _)| mine.contains(name.as_str()))
        {
            actor::place(app_name, name, actor, &ground, &mut draft);
        }
        for (name, provider) in app
            .providers
            .iter()
            .filter(|(name, _)| mine.contains(name.as_str()))
        {
            provider::place(app_name, name, provider, &ground, &mut draft);
        }
    }
    draft.keep(&declared.unreadable, &owners, &ground);
    draft.finish(&ground)
}

/// The plan on its way: assignments in the order of the ground's hosts.
struct Draft {
    asked: Asked,
    assignments: Vec<Assignment>,
    unplaced: Vec<Unplaced>,
}

impl Draft {
    fn new(ground: &Ground<'_>, asked: Asked, epoch: u64) -> Self {
        let empty = Assignment {
            epoch,
            ..Assignment::default()
        };
        Self {
            asked,
            assignments: vec![empty; ground.hosts.len()],
            unplaced: Vec::new(),
        }
    }

    /// Whether the name is free or its app's own. Two apps that were written at one moment can both
    /// have it; running both would answer calls at random.
    fn claim<'a>(
        &mut self,
        name: &TargetName,
        app: &'a AppName,
        owners: &mut BTreeMap<TargetName, &'a AppName>,
    ) -> bool {
        let owner = *owners.entry(name.clone()).or_insert(app);
        if owner != app {
            self.leave(
                name.clone(),
                format!("the name is taken by app {owner}: rename it in app {app}"),
            );
        }
        owner == app
    }

    fn leave(&mut self, name: TargetName, reason: String) {
        self.unplaced.push(Unplaced { name, reason });
    }

    /// Leaves where it was what belongs to apps that can't be read: nobody knows that it is not wanted.
    fn keep(
        &mut self,
        apps: &BTreeSet<AppName>,
        owners: &BTreeMap<TargetName, &AppName>,
        ground: &Ground<'_>,
    ) {
        let is_kept = |app: &AppName, name: &str| apps.contains(app) && !owners.contains_key(name);
        for (assignment, host) in self.assignments.iter_mut().zip(&ground.hosts) {
            let Some(was) = host.previous.filter(|_| !host.view.draining) else {
                continue;
            };
            let actors = was.actors.iter();
            let actors = actors.filter(|actor| is_kept(&actor.app, actor.name.as_str()));
            assignment.actors.extend(actors.cloned());
            let providers = was.providers.iter();
            let providers = providers.filter(|(name, one)| is_kept(&one.app, name.as_str()));
            let providers = providers.map(|(name, one)| (name.clone(), one.clone()));
            assignment.providers.extend(providers);
        }
    }

    fn finish(mut self, ground: &Ground<'_>) -> Plan {
        for assignment in &mut self.assignments {
            assignment.sort();
        }
        let ids = ground.hosts.iter().map(|host| host.view.id.clone());
        Plan {
            assignments: ids.zip(self.assignments).collect(),
            unplaced: self.unplaced,
        }
    }
}

#[cfg(test)]
#[path = "property_test.rs"]
mod properties;
#[cfg(test)]
#[path = "plan_test.rs"]
mod tests;
