//! What can be wrong with an actor.

use std::collections::BTreeSet;

use lattice_protocol::call::DEADLINE_MAX;
use lattice_protocol::id::ActorName;

use super::{Known, Problems, grant, keys};
use crate::app::actor::{CONFIGS_MAX, INSTANCES_MAX, REUSE_MAX, WORDS_BYTES_MAX, WORDS_MAX};
use crate::app::link::LINKS_MAX;
use crate::app::{Actor, InstanceMode, Link};

pub(super) fn check(name: &ActorName, actor: &Actor, known: &Known<'_>, problems: &mut Problems) {
    let owner = format_args!("actor {name}");
    numbers(name, actor, problems);
    keys(&owner, "config", actor.config.keys(), problems);
    keys(&owner, "env", actor.env.keys(), problems);
    keys(&owner, "require", actor.require.keys(), problems);
    words(name, actor, problems);
    grant::check(name, &actor.grants, problems);
    keys(&owner, "spread", &actor.spread, problems);
    if actor.daemon && actor.spread.is_some() {
        problems.add(format_args!(
            "{owner}: a daemon runs on every host, there is nothing to spread: remove `spread`"
        ));
    }
    links(name, &actor.links, known, problems);
}

fn numbers(name: &ActorName, actor: &Actor, problems: &mut Problems) {
    if actor.instances > INSTANCES_MAX {
        problems.add(format_args!(
            "actor {name}: instances = {} is too many: use 0 to {INSTANCES_MAX}",
            actor.instances
        ));
    }
    if let InstanceMode::Reuse(calls) = actor.instance
        && !(1..=REUSE_MAX).contains(&calls)
    {
        problems.add(format_args!(
            "actor {name}: instance = {{ reuse = {calls} }} is out of range: use 1 to {REUSE_MAX}"
        ));
    }
    for (limit, value) in actor.limits.values() {
        if !(limit.min..=limit.max).contains(&value) {
            problems.add(format_args!(
                "actor {name}: limits.{} = {value} is out of range: use {} to {}",
                limit.name, limit.min, limit.max
            ));
        }
    }
}

/// What a program is told: arguments, variables, and the configs that it reads.
fn words(name: &ActorName, actor: &Actor, problems: &mut Problems) {
    for (what, count, max) in [
        ("args", actor.args.len(), WORDS_MAX),
        ("env", actor.env.len(), WORDS_MAX),
        ("config_from", actor.config_from.len(), CONFIGS_MAX),
    ] {
        if count > max {
            problems.add(format_args!(
                "actor {name}: {what} has {count} entries, at most {max} are taken"
            ));
        }
    }
    let all = actor.env.iter().flat_map(|(key, value)| [key, value]);
    let bytes = |words: &mut dyn Iterator<Item = &String>| words.map(String::len).sum::<usize>();
    let total = bytes(&mut all.chain(&actor.args));
    if total > WORDS_BYTES_MAX {
        problems.add(format_args!(
            "actor {name}: args and env have {total} bytes, at most {WORDS_BYTES_MAX} are taken: \
             put what is long into config"
        ));
    }
    let mut seen = BTreeSet::new();
    for config in actor.config_from.iter().filter(|name| !seen.insert(*name)) {
        problems.add(format_args!(
            "actor {name}: config_from names {config} twice: remove one"
        ));
    }
}

fn links(name: &ActorName, links: &[Link], known: &Known<'_>, problems: &mut Problems) {
    if links.len() > LINKS_MAX {
        problems.add(format_args!(
            "actor {name}: {} links, at most {LINKS_MAX} are taken: link whole packages",
            links.len()
        ));
    }
    let mut seen = BTreeSet::new();
    for link in links {
        if !seen.insert((&link.interface, &link.name)) {
            problems.add(format_args!(
                "actor {name}: two links for {} are named {}: rename one, \
                 [actor.{name}.link.\"{}\".NAME]",
                link.interface, link.name, link.interface
            ));
        }
        one_link(name, link, known, problems);
    }
}

fn one_link(name: &ActorName, link: &Link, known: &Known<'_>, problems: &mut Problems) {
    let owner = format_args!("actor {name}: link {}", link.interface);
    if !known.has(&link.to) {
        problems.add(format_args!(
            "{owner}: there is no actor or provider {to}{meant}: declare [provider.{to}] or \
             [actor.{to}], or correct `to`",
            to = link.to,
            meant = known.meant(link.to.as_str(), false),
        ));
    }
    let most = DEADLINE_MAX.as_millis();
    if let Some(ms) = link.deadline_ms
        && !(1..=most).contains(&u128::from(ms))
    {
        problems.add(format_args!(
            "{owner}: deadline_ms = {ms} is out of range: use 1 to {most}"
        ));
    }
    keys(&owner, "its config", link.config.keys(), problems);
}
