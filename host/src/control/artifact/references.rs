//! What refers to which component: what is declared, and every revision that can be rolled back to.

use std::collections::BTreeMap;

use lattice_config::state::{self, Key, key};
use lattice_config::{App, Declared};
use lattice_protocol::digest::Digest;

use crate::control::desk::Desk;
use crate::control::request::{Answer, state_problem};

/// The most that is told of one component: a person reads the first few.
const TOLD_MAX: usize = 10;

/// Each component that something refers to, with what does.
#[derive(Debug, Default)]
pub(super) struct References {
    used_by: BTreeMap<Digest, Vec<String>>,
}

impl References {
    /// What refers to components now.
    pub(super) async fn read(desk: &Desk) -> Answer<Self> {
        let mut references = Self::default();
        references.add_declared(&desk.declared().await?);
        let kept = desk.state.histories(key::APPS).await;
        for (key, revision) in kept.map_err(state_problem)? {
            let (Some(Key::App(name)), Some(value)) = (Key::read(&key), revision.value) else {
                continue;
            };
            // What can't be read can't be rolled back to either.
            if let Ok(app) = state::decode::<App>(&value) {
                references.add(&app, || {
                    format!("revision {} of app {name}", revision.revision)
                });
            }
        }
        Ok(references)
    }

    /// What refers to a component; nothing does: it may go.
    pub(super) fn of(&self, digest: &Digest) -> &[String] {
        self.used_by.get(digest).map_or(&[], Vec::as_slice)
    }

    fn add_declared(&mut self, declared: &Declared) {
        for (name, actor) in declared.apps.values().flat_map(|app| &app.value.actors) {
            if let Some(digest) = actor.component.digest() {
                self.tell(digest, format!("actor {name}"));
            }
        }
    }

    fn add(&mut self, app: &App, by: impl Fn() -> String) {
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
