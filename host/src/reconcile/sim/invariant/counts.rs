//! Once settled, what runs is what is declared: so many slots, no more, and where they may be.

use std::collections::BTreeMap;

use lattice_config::Actor;
use lattice_protocol::id::ActorName;

use super::super::apps;
use super::super::node::Node;
use super::super::world::World;

/// What does not run as declared; nothing once all does.
pub(in super::super) fn wrong(world: &World) -> Option<String> {
    let declared = apps::declared(&world.store.all());
    let actors: BTreeMap<_, _> = declared
        .apps
        .values()
        .flat_map(|app| &app.value.actors)
        .collect();
    let there = || world.nodes.iter().filter(|node| node.is_there());
    for (name, actor) in &actors {
        if let Some(wrong) = one(name, actor, there().collect()) {
            return Some(wrong);
        }
    }
    let stray = |node: &Node| {
        let strays = node
            .running
            .keys()
            .filter(|name| !actors.contains_key(name));
        strays.map(|name| format!("{} runs {name}", node.id)).next()
    };
    there().find_map(stray)
}

fn one(name: &ActorName, actor: &Actor, nodes: Vec<&Node>) -> Option<String> {
    let fits = |node: &&&Node| {
        let mut require = actor.require.iter();
        require.all(|(key, value)| node.labels.get(key) == Some(value))
    };
    let fit: Vec<_> = nodes
        .iter()
        .filter(fits)
        .map(|node| node.id.clone())
        .collect();
    let room = |node: &&&Node| fit.contains(&node.id).then_some(node.capacity);
    let room = nodes.iter().filter_map(|node| room(&node));
    let wanted = match actor.daemon {
        true => room.map(|room| room.min(actor.instances)).sum::<u32>(),
        false => room.sum::<u32>().min(actor.instances),
    };
    let runs: u32 = nodes.iter().map(|node| node.serves(name)).sum();
    if runs != wanted {
        return Some(format!("{runs} of {wanted} slots of {name} run"));
    }
    let elsewhere = |node: &&&Node| node.running.contains_key(name) && !fit.contains(&node.id);
    let elsewhere = nodes.iter().find(elsewhere)?;
    Some(format!("{} runs {name} and may not", elsewhere.id))
}
