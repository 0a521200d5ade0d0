//! Make before break: what a plan takes from a host goes on there until others have taken it over.
//!
//! A plan says where things end up. Written at once, the host that loses an actor would stop it while
//! the one that gains it still compiles it, and its calls would find nobody. So whoever loses keeps
//! what it had until those who gain say that they serve. What is not wanted at all is not held.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lattice_protocol::id::{HostId, TargetName};

use super::Plan;
use crate::assignment::Assignment;

/// What a host says of a thing that it is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It answers calls there.
    Serves,
    /// It is on its way, or can't be started.
    Not,
    /// Nothing: the host has not heard of it yet, or not all of what it said came through.
    Silent,
}

/// The things that are held where they were: who is to have them does not serve them all yet.
/// `is_overdue` says of which that was so for too long already: then one host that serves is enough.
/// Silence never is: it is no evidence.
pub fn held(
    plan: &Plan,
    previous: &BTreeMap<HostId, Assignment>,
    word: impl Fn(&HostId, &TargetName) -> Word,
    is_overdue: impl Fn(&TargetName) -> bool,
) -> BTreeSet<TargetName> {
    let takers = takers(plan, previous).into_iter();
    // What nobody is to have is not held.
    let takers = takers.filter(|(_, takers)| !takers.is_empty());
    // Names of actors and providers are names of targets.
    let takers =
        takers.filter_map(|(name, takers)| Some((name.parse::<TargetName>().ok()?, takers)));
    let is_held = |(name, takers): &(TargetName, Vec<&HostId>)| {
        if is_overdue(name) {
            !takers.iter().any(|host| word(host, name) == Word::Serves)
        } else {
            !takers.iter().all(|host| word(host, name) == Word::Serves)
        }
    };
    takers.filter(is_held).map(|(name, _)| name).collect()
}

/// The assignments of a plan, with what is held beside it.
pub fn hand_over(
    plan: &Plan,
    previous: &BTreeMap<HostId, Assignment>,
    held: &BTreeSet<TargetName>,
) -> BTreeMap<HostId, Assignment> {
    let mut assignments = plan.assignments.clone();
    if held.is_empty() {
        return assignments;
    }
    for (host, assignment) in &mut assignments {
        if let Some(before) = previous.get(host) {
            hold(assignment, before, held);
        }
    }
    assignments
}

fn hold(assignment: &mut Assignment, before: &Assignment, held: &BTreeSet<TargetName>) {
    let (now, was) = (footprint(assignment), footprint(before));
    let lost = |name: &str| was[name].saturating_sub(now.get(name).copied().unwrap_or(0));
    let is_held = |name: &str| held.contains(name) && lost(name) > 0;
    let absent = |name: &str| !now.contains_key(name);

    let actors = before.actors.iter();
    let actors = actors.filter(|actor| is_held(actor.name.as_str()));
    let (gone, fewer): (Vec<_>, Vec<_>) = actors.partition(|actor| absent(actor.name.as_str()));
    let back: Vec<_> = gone.into_iter().cloned().collect();
    let more: BTreeMap<_, _> = fewer
        .into_iter()
        .map(|actor| (actor.name.clone(), lost(actor.name.as_str())))
        .collect();
    let providers = before.providers.iter();
    let providers = providers.filter(|(name, _)| is_held(name.as_str()) && absent(name.as_str()));
    let providers: Vec<_> = providers.map(|(n, p)| (n.clone(), p.clone())).collect();

    for (name, slots) in more {
        if let Some(actor) = assignment
            .actors
            .iter_mut()
            .find(|actor| actor.name == name)
        {
            let slots = u32::try_from(slots).unwrap_or(u32::MAX);
            actor.slots = actor.slots.saturating_add(slots);
        }
    }
    assignment.actors.extend(back);
    assignment.sort();
    assignment.providers.extend(providers);
}

/// Everything that some host has less of than before, with who is to have it.
fn takers<'a>(
    plan: &'a Plan,
    previous: &'a BTreeMap<HostId, Assignment>,
) -> HashMap<&'a str, Vec<&'a HostId>> {
    let mut takers: HashMap<&str, Vec<&HostId>> = HashMap::new();
    let pair = |(host, now): (&'a HostId, &'a Assignment)| {
        let was = previous.get(host).map(footprint).unwrap_or_default();
        (host, footprint(now), was)
    };
    let footprints: Vec<_> = plan.assignments.iter().map(pair).collect();
    for (_, now, was) in &footprints {
        for (name, slots) in was {
            if now.get(name).copied().unwrap_or(0) < *slots {
                takers.entry(name).or_default();
            }
        }
    }
    if takers.is_empty() {
        return takers;
    }
    for (host, now, _) in &footprints {
        for name in now.keys() {
            if let Some(takers) = takers.get_mut(name) {
                takers.push(host);
            }
        }
    }
    takers
}

/// What an assignment has of each thing: slots of an actor, one of a provider.
fn footprint(assignment: &Assignment) -> HashMap<&str, u64> {
    let mut slots: HashMap<&str, u64> = HashMap::new();
    for actor in &assignment.actors {
        *slots.entry(actor.name.as_str()).or_default() += u64::from(actor.slots);
    }
    slots.extend(assignment.providers.keys().map(|name| (name.as_str(), 1)));
    slots
}

#[cfg(test)]
#[path = "handover_test.rs"]
mod tests;
