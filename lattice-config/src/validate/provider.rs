//! What can be wrong with a provider.

use std::collections::BTreeSet;

use lattice_protocol::id::{ProviderName, TargetName};
use lattice_protocol::near::nearest;
use serde_json::Value;

use super::{Known, PROVIDER_KINDS, Problems, keys};
use crate::app::provider::{COPIES_MAX, EXEC_WORDS_MAX, HOST_LEN_MAX, PATH_LEN_MAX, ROUTES_MAX};
use crate::app::{Provider, Route, Runs};

pub(super) fn check(
    name: &ProviderName,
    provider: &Provider,
    known: &Known<'_>,
    problems: &mut Problems,
) {
    let owner = format_args!("provider {name}");
    runs(name, provider, problems);
    inline(name, provider, problems);
    alone(name, provider, problems);
    if !(1..=COPIES_MAX).contains(&provider.copies) {
        problems.add(format_args!(
            "{owner}: copies = {} is out of range: use 1 to {COPIES_MAX}",
            provider.copies
        ));
    }
    keys(&owner, "config", provider.config.keys(), problems);
    keys(&owner, "env", provider.env.keys(), problems);
    keys(&owner, "require", provider.require.keys(), problems);
    for (key, _) in provider
        .env
        .iter()
        .filter(|(_, value)| value.contains('\0'))
    {
        problems.add(format_args!("{owner}: env {key} contains a NUL: remove it"));
    }
    routes(name, &provider.routes, known, problems);
}

fn runs(name: &ProviderName, provider: &Provider, problems: &mut Problems) {
    match &provider.runs {
        Runs::Kind(kind) if !PROVIDER_KINDS.contains(&kind.as_str()) => {
            problems.add(unknown_kind(name, kind));
        }
        Runs::Exec(words) if words.first().is_none_or(|word| word.trim().is_empty()) => problems
            .add(format_args!(
                "provider {name}: exec names no program: write exec = [\"./program\", \"argument\"]"
            )),
        Runs::Exec(words) if words.len() > EXEC_WORDS_MAX => problems.add(format_args!(
            "provider {name}: exec has {} words: use at most {EXEC_WORDS_MAX}",
            words.len()
        )),
        Runs::Exec(words) if words.iter().any(|word| word.contains('\0')) => {
            problems.add(format_args!(
                "provider {name}: exec contains a NUL: remove it"
            ));
        }
        Runs::External if !provider.env.is_empty() => problems.add(format_args!(
            "provider {name}: nobody in the lattice starts it, so env has no effect: remove env"
        )),
        Runs::Kind(_) | Runs::Exec(_) | Runs::External => {}
    }
}

fn inline(name: &ProviderName, provider: &Provider, problems: &mut Problems) {
    if !provider.inline {
        return;
    }
    if !matches!(provider.runs, Runs::Kind(_)) {
        problems.add(format_args!(
            "provider {name}: only what the lattice program carries can run inline: use kind, or remove \
             inline"
        ));
    }
    if !provider.env.is_empty() {
        problems.add(format_args!(
            "provider {name}: inline it has no environment of its own, so env has no effect: remove env, \
             or inline"
        ));
    }
}

/// The kind that keeps values, and those of its backends that keep them in one process, or in a file
/// that only one process may have.
const KEEPER: &str = "keyvalue";
const ALONE: [&str; 2] = ["file", "memory"];

/// Copies that share nothing would each answer with values of their own.
fn alone(name: &ProviderName, provider: &Provider, problems: &mut Problems) {
    let keeps = provider.runs == Runs::Kind(KEEPER.to_owned());
    let backend = provider.config.get("backend").and_then(Value::as_str);
    let Some(backend) = backend.filter(|backend| keeps && ALONE.contains(backend)) else {
        return;
    };
    if provider.copies > 1 {
        problems.add(format_args!(
            "provider {name}: copies = {} of backend {backend}, each with values of its own: let copies be \
             1, or use backend nats or redis, which copies share",
            provider.copies
        ));
    }
}

fn unknown_kind(name: &ProviderName, kind: &str) -> String {
    let all = PROVIDER_KINDS.join(", ");
    let advice = format!("there are {all}; for another program use exec");
    let advice = match nearest(kind, PROVIDER_KINDS) {
        Some(near) => format!("did you mean {near}? ({advice})"),
        None => advice,
    };
    format!("provider {name}: kind {kind:?} is unknown: {advice}")
}

fn routes(name: &ProviderName, routes: &[Route], known: &Known<'_>, problems: &mut Problems) {
    if routes.len() > ROUTES_MAX {
        problems.add(format_args!(
            "provider {name}: {} routes, at most {ROUTES_MAX} are taken: use a second provider",
            routes.len()
        ));
    }
    let mut seen = BTreeSet::new();
    for route in routes {
        if !seen.insert((&route.host, &route.path)) {
            problems.add(format_args!(
                "provider {name}: two routes for {}{}: remove one",
                route.host.as_deref().unwrap_or_default(),
                route.path
            ));
        }
        one_route(name, route, known, problems);
    }
}

fn one_route(name: &ProviderName, route: &Route, known: &Known<'_>, problems: &mut Problems) {
    let Route { host, path, actor } = route;
    if !is_path(path) {
        problems.add(format_args!(
            "provider {name}: route {path:?} is no path: write path = \"/…\", without ?, # and space, \
             of at most {PATH_LEN_MAX} bytes"
        ));
    }
    if let Some(host) = host
        && !is_host(host)
    {
        problems.add(format_args!(
            "provider {name}: route {path}: host {host:?} is no host name: write it in lower case, \
             without scheme and port"
        ));
    }
    // A route may lead to an actor of another app; of this app, only to an actor.
    let target = TargetName::from(actor);
    if known.app.actors.contains_key(actor) {
        return;
    }
    if known.app.providers.contains_key(actor.as_str()) {
        problems.add(format_args!(
            "provider {name}: route {path} leads to {actor}, which is a provider: name an actor"
        ));
    } else if !known.has(&target) {
        problems.add(format_args!(
            "provider {name}: route {path}: there is no actor {actor}{meant}: declare \
             [actor.{actor}], or correct `actor`",
            meant = known.meant(actor.as_str(), true),
        ));
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= PATH_LEN_MAX
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#')
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    host.len() <= HOST_LEN_MAX && host.split('.').all(is_label)
}
