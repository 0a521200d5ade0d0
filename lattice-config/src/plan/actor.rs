//! Where the instances of one actor go.

use std::collections::BTreeMap;

use lattice_protocol::id::{ActorName, AppName};

use super::Draft;
use super::ground::Ground;
use super::rendezvous;
use super::share::{Bin, share};
use crate::app::Actor;
use crate::assignment::AssignedActor;
use crate::revision::Revision;

pub(super) fn place(
    app: &AppName,
    name: &ActorName,
    actor: &Actor,
    ground: &Ground<'_>,
    draft: &mut Draft,
) {
    if actor.instances == 0 {
        return;
    }
    let Some(component) = actor.component.digest() else {
        let component = &actor.component;
        return draft.leave(
            name.into(),
            format!("component {component} is not in the lattice: push it"),
        );
    };
    let fit = match fit(actor, ground) {
        Ok(fit) => fit,
        Err(reason) => return draft.leave(name.into(), reason),
    };
    let slots = slots(name, actor, ground, &fit);
    let spec = actor.spec();
    let revision = Revision::of_actor(component, &spec);
    for &(at, slots) in slots.iter().filter(|(_, slots)| *slots > 0) {
        draft.assignments[at].actors.push(AssignedActor {
            name: name.clone(),
            app: app.clone(),
            revision: revision.clone(),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
            component: component.clone(),
            spec: spec.clone(),
            asked: draft.asked.of(name),
        });
    }
    let placed: u64 = slots.iter().map(|(_, slots)| slots).sum();
    if !actor.daemon && placed < u64::from(actor.instances) {
        draft.leave(
            name.into(),
            format!(
                "{placed} of {} instances are placed: the hosts that it may run on take no more",
                actor.instances
            ),
        );
    }
}

/// The hosts that may run it and have room for any instance.
fn fit(actor: &Actor, ground: &Ground<'_>) -> Result<Vec<usize>, String> {
    let mut fit = ground.fit(&actor.require)?;
    fit.retain(|&at| ground.hosts[at].view.capacity > 0);
    if fit.is_empty() {
        return Err("every host that it may run on has capacity 0".to_owned());
    }
    Ok(fit)
}

/// The slots on each of these hosts.
fn slots(name: &ActorName, actor: &Actor, ground: &Ground<'_>, fit: &[usize]) -> Vec<(usize, u64)> {
    let number = u64::from(actor.instances);
    if actor.daemon {
        let most = |at: usize| u64::from(ground.hosts[at].view.capacity);
        return fit.iter().map(|&at| (at, number.min(most(at)))).collect();
    }
    let division = Division {
        thing: rendezvous::hash(name.as_str()),
        before: ground.slots_before(name),
        ground,
    };
    match &actor.spread {
        Some(label) => division.over_zones(number, label, fit),
        None => division.over_hosts(number, fit),
    }
}

/// What the divisions of one actor have in common.
struct Division<'a> {
    thing: u64,
    before: Vec<u64>,
    ground: &'a Ground<'a>,
}

impl Division<'_> {
    fn over_hosts(&self, number: u64, fit: &[usize]) -> Vec<(usize, u64)> {
        let hosts = &self.ground.hosts;
        let bin = |&at: &usize| Bin {
            weight: hosts[at].view.capacity.into(),
            most: hosts[at].view.capacity.into(),
            before: self.before[at],
        };
        let bins: Vec<_> = fit.iter().map(bin).collect();
        let rank = |bin: usize| {
            let host = &hosts[fit[bin]];
            rendezvous::rank(self.thing, host.hash, host.view.capacity)
        };
        fit.iter()
            .copied()
            .zip(share(number, &bins, rank))
            .collect()
    }

    /// Evenly over the values of a label, whatever the hosts behind each; those without it are one
    /// zone of their own. Within a zone, by capacity.
    fn over_zones(&self, number: u64, label: &str, fit: &[usize]) -> Vec<(usize, u64)> {
        let hosts = &self.ground.hosts;
        let mut zones: BTreeMap<Option<&String>, Vec<usize>> = BTreeMap::new();
        for &at in fit {
            let zone = hosts[at].view.labels.get(label);
            zones.entry(zone).or_default().push(at);
        }
        let zones: Vec<_> = zones.into_iter().collect();
        let capacity = |&at: &usize| u64::from(hosts[at].view.capacity);
        let bin = |(_, within): &(_, Vec<usize>)| Bin {
            weight: 1,
            most: within.iter().map(capacity).sum(),
            before: within.iter().map(|&at| self.before[at]).sum(),
        };
        let bins: Vec<_> = zones.iter().map(bin).collect();
        let rank = |bin: usize| {
            let (zone, _) = &zones[bin];
            rendezvous::rank(
                self.thing,
                rendezvous::hash(zone.map_or("", String::as_str)),
                1,
            )
        };
        let shares = share(number, &bins, rank).into_iter();
        zones
            .iter()
            .zip(shares)
            .flat_map(|((_, within), number)| self.over_hosts(number, within))
            .collect()
    }
}
