//! What refers to which component: what is declared, and every revision that can be rolled back to.

use std::collections::BTreeMap;

use lattice_client::{State, StateError};
use lattice_config::state::{self, Key, key};
use lattice_config::{App, Declared};
use lattice_protocol::digest::Digest;

/// The most that is told of one component: a person reads the first few.
const TOLD_MAX: usize = 10;

/// Each component that something refers to, with what does.
#[derive(Debug, Default)]
pub struct References {
    used_by: BTreeMap<Digest, Vec<String>>,
}

impl References {
    /// What refers to components now. What can't be read can't be rolled back to either, and refers to
    /// nothing.
    pub async fn read(state: &State) -> Result<Self, StateError> {
        Self::read_each(state, |_, _| Ok(())).await
    }

    /// The same for whoever removes by it: what can't be read may have been written by a later version,
    /// and is an error.
    pub(super) async fn read_whole(state: &State) -> Result<Self, StateError> {
        Self::read_each(state, |key, reason| {
            Err(StateError::Corrupt {
                key: key.to_owned(),
                reason,
            })
        })
        .await
    }

    async fn read_each(
        state: &State,
        unreadable: impl Fn(&str, String) -> Result<(), StateError>,
    ) -> Result<Self, StateError> {
        let mut references = Self::declared(state).await?;
        for (key, revision) in state.histories(key::APPS).await? {
            let (Some(Key::App(name)), Some(value)) = (Key::read(&key), revision.value) else {
                continue;
            };
            match state::decode::<App>(&value) {
                Ok(app) => references.add(&app, || {
                    format!("revision {} of app {name}", revision.revision)
                }),
                Err(error) => unreadable(&key, error.to_string())?,
            }
        }
        Ok(references)
    }

    /// What is declared, without the revisions before.
    pub(super) async fn declared(state: &State) -> Result<Self, StateError> {
        let mut references = Self::default();
        references.add_declared(&state.declared().await?);
        Ok(references)
    }

    /// What refers to a component; nothing does: it may go.
    pub fn of(&self, digest: &Digest) -> &[String] {
        self.used_by.get(digest).map_or(&[], Vec::as_slice)
    }

    /// Whether anything does.
    pub(super) fn refers_to(&self, digest: &Digest) -> bool {
        !self.of(digest).is_empty()
    }

    /// Whether nothing refers to any component.
    pub(super) fn are_none(&self) -> bool {
        self.used_by.is_empty()
    }

    fn add_declared(&mut self, declared: &Declared) {
        for (name, actor) in declared.apps.values().flat_map(|app| &app.value.actors) {
            if let Some(digest) = actor.component.digest() {
                self.tell(digest, format!("actor {name}"));
            }
        }
    }

    pub(super) fn add(&mut self, app: &App, by: impl Fn() -> String) {
        for digest in app
            .actors
            .values()
            .filter_map(|actor| actor.component.digest())
        {
            self.tell(digest, by());
        }
    }

    fn tell(&mut self, digest: &Digest, by: String) {
        let told = self.used_by.entry(digest.clone()).or_default();
        if told.len() < TOLD_MAX && !told.contains(&by) {
            told.push(by);
        }
    }
}
