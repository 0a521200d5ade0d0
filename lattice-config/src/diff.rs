//! What differs between two states of an app: what `app.diff` and `app.apply` answer.

use std::collections::BTreeMap;

use lattice_protocol::control::{Change, ChangeKind};
use lattice_protocol::id::LinkName;

use crate::app::{Actor, App, Link, Provider, Route};

/// The changes that lead from `before` to `after`; an absent app declares nothing. Actors come
/// first, each followed by its links; then providers, each followed by its routes.
pub fn diff(before: Option<&App>, after: Option<&App>) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Some(before), Some(after)) = (before, after)
        && before.version != after.version
    {
        changes.push(change(
            ChangeKind::Changed,
            format!("version of app {}", after.name),
        ));
    }
    let none = BTreeMap::new();
    let (old, new) = (
        before.map_or(&none, |app| &app.actors),
        after.map_or(&none, |app| &app.actors),
    );
    for (name, old, new) in pairs(old, new) {
        compare(
            &format!("actor {name}"),
            old.map(bare_actor),
            new.map(bare_actor),
            &mut changes,
        );
        let (old, new) = (by_link(name.as_str(), old), by_link(name.as_str(), new));
        compare_all(&old, &new, &mut changes);
    }
    let none = BTreeMap::new();
    let (old, new) = (
        before.map_or(&none, |app| &app.providers),
        after.map_or(&none, |app| &app.providers),
    );
    for (name, old, new) in pairs(old, new) {
        let bare = (old.map(bare_provider), new.map(bare_provider));
        compare(&format!("provider {name}"), bare.0, bare.1, &mut changes);
        let (old, new) = (by_route(name.as_str(), old), by_route(name.as_str(), new));
        compare_all(&old, &new, &mut changes);
    }
    changes
}

/// An actor but for its links, which are things of their own.
fn bare_actor(actor: &Actor) -> Actor {
    Actor {
        links: Vec::new(),
        ..actor.clone()
    }
}

fn bare_provider(provider: &Provider) -> Provider {
    Provider {
        routes: Vec::new(),
        ..provider.clone()
    }
}

fn by_link<'a>(source: &str, actor: Option<&'a Actor>) -> BTreeMap<String, &'a Link> {
    let links = actor.map_or(&[][..], |actor| &actor.links).iter();
    links.map(|link| (link_name(source, link), link)).collect()
}

fn link_name(source: &str, link: &Link) -> String {
    match &link.name {
        name if *name == LinkName::default() => format!("link {source} → {}", link.interface),
        name => format!("link {source} → {} ({name})", link.interface),
    }
}

fn by_route<'a>(name: &str, provider: Option<&'a Provider>) -> BTreeMap<String, &'a Route> {
    let routes = provider.map_or(&[][..], |provider| &provider.routes).iter();
    let host = |route: &'a Route| route.host.as_deref().unwrap_or_default();
    routes
        .map(|route| (format!("route {name} {}{}", host(route), route.path), route))
        .collect()
}

fn compare_all<V: PartialEq>(
    old: &BTreeMap<String, V>,
    new: &BTreeMap<String, V>,
    changes: &mut Vec<Change>,
) {
    for (thing, old, new) in pairs(old, new) {
        compare(thing, old, new, changes);
    }
}

fn compare<V: PartialEq>(thing: &str, old: Option<V>, new: Option<V>, changes: &mut Vec<Change>) {
    let what = match (old, new) {
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(old), Some(new)) if old != new => ChangeKind::Changed,
        _ => return,
    };
    changes.push(change(what, thing.to_owned()));
}

fn change(what: ChangeKind, thing: String) -> Change {
    Change { what, thing }
}

/// Every key of both maps in order, with the values on either side.
fn pairs<'a, K: Ord, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let added = new.keys().filter(|key| !old.contains_key(key));
    let mut keys: Vec<_> = old.keys().chain(added).collect();
    keys.sort();
    keys.into_iter()
        .map(|key| (key, old.get(key), new.get(key)))
}

#[cfg(test)]
#[path = "diff_test.rs"]
mod tests;
