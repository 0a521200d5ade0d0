//! An assignment, carried out: what this host is to run is told to actors and providers.
//!
//! Only positive evidence stops what runs. An assignment that is gone, can't be read, or is older
//! than one known changes nothing. One that leaves a thing out stops it only if the state knows the
//! thing's app, be it that the app was deleted: a state that was wiped or restored from an old
//! backup has never heard of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use lattice_client::{Client, State, StateEntry, StateError};
use lattice_config::Assignment;
use lattice_config::state::{self, key};
use lattice_protocol::id::AppName;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::election::Epoch;
use super::home::Home;
use crate::actor::Actors;
use crate::provider::Providers;

/// Carries out what this host is assigned.
pub struct Follower {
    client: Client,
    state: State,
    home: Arc<Home>,
    epoch: Epoch,
    actors: Actors,
    providers: Providers,
    /// What runs here now.
    current: Assignment,
    /// An assignment of which not everything could be judged yet.
    open: Option<Assignment>,
}

impl Follower {
    /// A follower that runs nothing yet; `epoch` is shared with the election.
    pub fn new(
        client: Client,
        state: State,
        home: Arc<Home>,
        epoch: Epoch,
        actors: Actors,
        providers: Providers,
    ) -> Self {
        // What an older leader wrote stays ignored over a restart.
        let current = Assignment {
            epoch: home.epoch(),
            ..Assignment::default()
        };
        let open = None;
        Self {
            client,
            state,
            home,
            epoch,
            actors,
            providers,
            current,
            open,
        }
    }

    /// Follows until `stop`. What runs then goes on: whoever stops the host stops it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.follow(&mut backoff) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
            match self.client.state().await {
                Ok(state) => self.state = state,
                Err(error) => tracing::warn!(%error, "what runs here is kept"),
            }
        }
    }

    /// Follows until the watch breaks.
    async fn follow(&mut self, backoff: &mut Backoff) {
        let mut watch = match self.state.watch(&key::assignment(self.home.id())).await {
            Ok(watch) => watch,
            Err(error) => return tracing::warn!(%error, "what runs here is kept"),
        };
        let mut retry = Backoff::default();
        loop {
            tokio::select! {
                entry = watch.next() => match entry {
                    Some(entry) => {
                        backoff.reset();
                        self.open = self.read(entry).or(self.open.take());
                    }
                    None => return,
                },
                () = tokio::time::sleep(retry.next()), if self.open.is_some() => {}
            }
            if let Some(wanted) = self.open.clone() {
                match self.carry_out(&wanted).await {
                    Ok(()) => {
                        self.open = None;
                        retry.reset();
                    }
                    Err(error) => tracing::warn!(%error, "what would be stopped is kept"),
                }
            }
        }
    }

    /// The assignment to carry out, if the entry is one.
    fn read(&self, entry: StateEntry) -> Option<Assignment> {
        let Some(value) = entry.value else {
            tracing::warn!("this host's assignment was deleted: what runs here is kept");
            return None;
        };
        match state::decode::<Assignment>(&value) {
            Ok(wanted) if wanted.epoch < self.current.epoch => {
                tracing::warn!(
                    epoch = wanted.epoch,
                    "ignored the assignment of an older leader"
                );
                None
            }
            Ok(wanted) => Some(wanted),
            Err(error) => {
                tracing::error!(%error, "this host's assignment can't be read: what runs is kept");
                None
            }
        }
    }

    /// Runs what is wanted; an error when something was kept because the state can't be asked.
    async fn carry_out(&mut self, wanted: &Assignment) -> Result<(), StateError> {
        let left_out = apps_left_out(&self.current, wanted);
        let (unknown, asked) = self.unknown(&left_out).await;
        for app in &unknown {
            tracing::warn!(%app, "the state does not know this app: what it runs here is kept");
        }
        self.current = merged(&self.current, wanted, &unknown);
        self.epoch.raise(self.current.epoch);
        self.actors.assign(&self.current.actors);
        self.providers.assign(&self.current.providers);
        self.save().await;
        asked
    }

    /// Which of the apps the state has no word of, or can't be asked about.
    async fn unknown(
        &self,
        apps: &BTreeSet<AppName>,
    ) -> (BTreeSet<AppName>, Result<(), StateError>) {
        let mut unknown = BTreeSet::new();
        let mut asked = Ok(());
        for app in apps {
            match self.state.get(&key::app(app)).await {
                // Declared, or deleted: a deletion leaves its mark.
                Ok(Some(_)) => {}
                Ok(None) => drop(unknown.insert(app.clone())),
                Err(error) => {
                    unknown.insert(app.clone());
                    asked = Err(error);
                }
            }
        }
        (unknown, asked)
    }

    async fn save(&self) {
        let (home, current) = (self.home.clone(), self.current.clone());
        match tokio::task::spawn_blocking(move || home.save(&current)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the assignment is not remembered"),
            Err(error) => tracing::warn!(%error, "the assignment is not remembered"),
        }
    }
}

/// The apps of everything that runs and is not wanted.
fn apps_left_out(current: &Assignment, wanted: &Assignment) -> BTreeSet<AppName> {
    let actors = current
        .actors
        .iter()
        .filter(|actor| wanted.actor(&actor.name).next().is_none());
    let providers = current
        .providers
        .iter()
        .filter(|(name, _)| !wanted.providers.contains_key(*name));
    let of_providers = providers.map(|(_, provider)| provider.app.clone());
    actors
        .map(|actor| actor.app.clone())
        .chain(of_providers)
        .collect()
}

/// What is wanted, and what runs of apps that the state doesn't know.
fn merged(current: &Assignment, wanted: &Assignment, unknown: &BTreeSet<AppName>) -> Assignment {
    let mut merged = wanted.clone();
    let kept = current
        .actors
        .iter()
        .filter(|actor| unknown.contains(&actor.app) && wanted.actor(&actor.name).next().is_none());
    merged.actors.extend(kept.cloned());
    for (name, provider) in &current.providers {
        if unknown.contains(&provider.app) {
            merged
                .providers
                .entry(name.clone())
                .or_insert_with(|| provider.clone());
        }
    }
    merged
}

#[cfg(test)]
#[path = "follower_test.rs"]
mod tests;
