//! Edits: from what is declared to one app's new state.

use lattice_config::{Actor, App, Declared, Provider, Revised};
use lattice_protocol::control::Problem;
use lattice_protocol::id::{ActorName, AppName, ProviderName};
use lattice_protocol::near::nearest;

use super::request::{Answer, bad, conflict, not_found};

/// How many things a refusal names.
const SHOWN_MAX: usize = 5;

/// One app as it is to be: none when it is to be removed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// The app.
    pub(super) app: AppName,
    /// Its new state.
    pub(super) after: Option<App>,
}

impl Draft {
    /// The app is to be so; one that declares nothing any more is removed.
    pub(super) fn of(app: App) -> Self {
        let is_empty = app.actors.is_empty() && app.providers.is_empty();
        Self {
            app: app.name.clone(),
            after: (!is_empty).then_some(app),
        }
    }

    /// What is declared without a manifest is to be an app of its own. Nothing else goes for it: who
    /// starts one thing has not asked to remove others.
    pub(super) fn alone(declared: &Declared, app: App) -> Answer<Self> {
        let before = declared.apps.get(&app.name);
        let others = before.map_or_else(Vec::new, |before| others(&before.value, &app));
        match others[..] {
            [] => Ok(Self::of(app)),
            _ => Err(conflict(format!(
                "app {} declares more: {}. Declare all of it by app.apply (`lattice apply`), or choose \
                 another name",
                app.name,
                some(&others)
            ))),
        }
    }

    /// The app is to be as declared, with this done to it.
    pub(super) fn changed(
        declared: &Declared,
        app: &AppName,
        change: impl FnOnce(&mut App),
    ) -> Answer<Self> {
        let mut app = app_of(declared, app)?.value.clone();
        change(&mut app);
        Ok(Self::of(app))
    }
}

/// What an app declares that another doesn't.
fn others(app: &App, but: &App) -> Vec<String> {
    let actors = app.actors.keys();
    let actors = actors.filter(|name| !but.actors.contains_key(*name));
    let providers = app.providers.keys();
    let providers = providers.filter(|name| !but.providers.contains_key(*name));
    let actors = actors.map(|name| format!("actor {name}"));
    actors
        .chain(providers.map(|name| format!("provider {name}")))
        .collect()
}

/// The first of many, for people.
fn some(things: &[String]) -> String {
    let first = things.iter().take(SHOWN_MAX).cloned();
    let more = things.len().saturating_sub(SHOWN_MAX);
    let more = (more > 0).then(|| format!("{more} more"));
    first.chain(more).collect::<Vec<_>>().join(", ")
}

/// An app as declared.
pub(super) fn app_of<'a>(declared: &'a Declared, name: &AppName) -> Answer<&'a Revised<App>> {
    declared
        .apps
        .get(name)
        .ok_or_else(|| no_app(declared, name))
}

/// The app that holds one thing that is declared without a manifest.
pub(super) fn app_named(name: &str) -> Answer<AppName> {
    name.parse().map_err(|error| bad(format!("{error}")))
}

/// An actor as declared, with its app.
pub(super) fn actor_of<'a>(
    declared: &'a Declared,
    name: &ActorName,
) -> Answer<(&'a AppName, &'a Actor)> {
    declared.actor(name).ok_or_else(|| no_actor(declared, name))
}

/// A provider as declared, with its app.
pub(super) fn provider_of<'a>(
    declared: &'a Declared,
    name: &ProviderName,
) -> Answer<(&'a AppName, &'a Provider)> {
    let found = declared.provider(name);
    found.ok_or_else(|| no_provider(declared, name))
}

pub(super) fn no_provider(declared: &Declared, name: &ProviderName) -> Problem {
    let apps = declared.apps.values();
    let names = apps
        .flat_map(|app| app.value.providers.keys())
        .map(AsRef::as_ref);
    undeclared("provider", name.as_str(), names)
}

pub(super) fn no_app(declared: &Declared, name: &AppName) -> Problem {
    let names = declared.apps.keys().map(AsRef::as_ref);
    undeclared("app", name.as_str(), names)
}

fn no_actor(declared: &Declared, name: &ActorName) -> Problem {
    let apps = declared.apps.values();
    let names = apps
        .flat_map(|app| app.value.actors.keys())
        .map(AsRef::as_ref);
    undeclared("actor", name.as_str(), names)
}

fn undeclared<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Problem {
    let hint = nearest(name, names).map(|near| format!(": did you mean {near}?"));
    let hint = hint.unwrap_or_default();
    not_found(format!("no {what} {name} is declared{hint}"))
}

#[cfg(test)]
#[path = "edit_test.rs"]
mod tests;
