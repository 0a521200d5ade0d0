//! Where the instances of one actor go.

use std::collections::BTreeMap;

use lattice_protocol::id::{ActorName, AppName};

use super::Draft;
use super::ground::{Ground, Host};
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
    match &actor.spread {
        Some(label) => over_zones(name, number, label, ground, fit),
        None => over_hosts(name, number, ground, fit),
    }
}

fn over_hosts(
    name: &ActorName,
    number: u64,
    ground: &Ground<'_>,
    fit: &[usize],
) -> Vec<(usize, u64)> {
    let thing = rendezvous::hash(name.as_str());
    let bin = |host: &Host<'_>| Bin {
        weight: host.view.capacity.into(),
        most: host.view.capacity.into(),
        before: ground.slots_before(host, name),
        rank: rendezvous::rank(thing, host.hash, host.view.capacity),
    };
    let bins: Vec<_> = fit.iter().map(|&at| bin(&ground.hosts[at])).collect();
    fit.iter().copied().zip(share(number, &bins)).collect()
}

/// Evenly over the values of a label, whatever the hosts behind each; those without it are one
/// zone of their own. Within a zone, by capacity.
fn over_zones(
    name: &ActorName,
    number: u64,
    label: &str,
    ground: &Ground<'_>,
    fit: &[usize],
) -> Vec<(usize, u64)> {
    let mut zones: BTreeMap<Option<&String>, Vec<usize>> = BTreeMap::new();
    for &at in fit {
        zones
            .entry(ground.hosts[at].view.labels.get(label))
            .or_default()
            .push(at);
    }
    let thing = rendezvous::hash(name.as_str());
    let bin = |(zone, hosts): (&Option<&String>, &Vec<usize>)| {
        let hosts = || hosts.iter().map(|&at| &ground.hosts[at]);
        let zone = rendezvous::hash(zone.map_or("", String::as_str));
        Bin {
            weight: 1,
            most: hosts().map(|host| u64::from(host.view.capacity)).sum(),
            before: hosts().map(|host| ground.slots_before(host, name)).sum(),
            rank: rendezvous::rank(thing, zone, 1),
        }
    };
    let bins: Vec<_> = zones.iter().map(bin).collect();
    let shares = share(number, &bins).into_iter();
    zones
        .values()
        .zip(shares)
        .flat_map(|(hosts, n)| over_hosts(name, n, ground, hosts))
        .collect()
}
