//! Everything that is declared in a lattice, and who owns a name.
//!
//! Names of actors and providers are one namespace for a whole lattice. `apply` refuses a name that
//! another app has; should two apps be written at the same moment all the same, the app whose name
//! sorts first owns it, for every reader alike.

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::id::{ActorName, AppName, ProviderName, TargetName};

use crate::app::{Actor, App, Link, Provider};

/// A value with the number of its last change in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised<T> {
    /// What `if_revision` is compared with.
    pub revision: u64,
    /// The value.
    pub value: T,
}

/// All apps of a lattice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// The apps.
    pub apps: BTreeMap<AppName, Revised<App>>,
    /// Those whose record can't be read, and of which nothing earlier is known: what they declare is
    /// not known, and is not nothing.
    pub unreadable: BTreeSet<AppName>,
}

/// A name that another app has already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} belongs to app {owner}: choose another name, or delete that app first")]
pub struct NameTaken {
    /// The name.
    pub name: TargetName,
    /// The app that has it.
    pub owner: AppName,
}

impl Declared {
    /// The actor of that name, with its app.
    pub fn actor(&self, name: &ActorName) -> Option<(&AppName, &Actor)> {
        self.apps
            .iter()
            .find_map(|(app, revised)| revised.value.actors.get(name).map(|actor| (app, actor)))
    }

    /// The provider of that name, with its app.
    pub fn provider(&self, name: &ProviderName) -> Option<(&AppName, &Provider)> {
        self.apps.iter().find_map(|(app, revised)| {
            revised
                .value
                .providers
                .get(name)
                .map(|provider| (app, provider))
        })
    }

    /// The app that declares an actor or a provider of that name.
    pub fn owner(&self, name: &TargetName) -> Option<&AppName> {
        let declares = |revised: &Revised<App>| revised.value.declares(name.as_str());
        self.apps
            .iter()
            .find(|(_, revised)| declares(revised))
            .map(|(app, _)| app)
    }

    /// Every link that leads to `target`, with the actor that calls through it.
    pub fn links_to<'a>(
        &'a self,
        target: &'a TargetName,
    ) -> impl Iterator<Item = (&'a ActorName, &'a Link)> {
        self.apps
            .values()
            .flat_map(|revised| &revised.value.actors)
            .flat_map(|(source, actor)| actor.links.iter().map(move |link| (source, link)))
            .filter(move |(_, link)| link.to == *target)
    }

    /// Every name that apps other than `app` take: what its links and routes may lead to as well.
    pub fn names_of_others(&self, app: &AppName) -> BTreeSet<TargetName> {
        let others = self.apps.iter().filter(|(name, _)| *name != app);
        others
            .flat_map(|(_, revised)| revised.value.names())
            .collect()
    }

    /// Every name of `app` that another app has already.
    pub fn check_names(&self, app: &App) -> Result<(), Vec<NameTaken>> {
        let others = || self.apps.iter().filter(|(name, _)| **name != app.name);
        let taken: Vec<_> = app
            .names()
            .filter_map(|name| {
                let owner = others().find(|(_, other)| other.value.declares(name.as_str()))?;
                Some(NameTaken {
                    owner: owner.0.clone(),
                    name,
                })
            })
            .collect();
        if taken.is_empty() { Ok(()) } else { Err(taken) }
    }
}

#[cfg(test)]
#[path = "declared_test.rs"]
mod tests;
