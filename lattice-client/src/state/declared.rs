//! What is declared, from the entries of the bucket.

use std::time::Duration;

use lattice_config::{App, Declared, Revised, state};
use tokio::time::Instant;

use super::{State, StateEntry, StateWatch};

/// How long a watch may say nothing before it is compared with what is stored: when a server of a cluster
/// dies, a watch may be lost with it, and nobody says so.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// What is declared, whole, at each change.
///
/// Only a deletion that was seen removes an app: a bucket that vanishes or comes back older says
/// nothing.
pub struct DeclaredWatch {
    state: State,
    watch: StateWatch,
    declared: Declared,
    started: bool,
    /// The newest revision that came.
    seen: u64,
    /// When to look whether there is a newer one.
    look_at: Instant,
    /// The newest revision that came when there was a newer one at the last look.
    missed_at: Option<u64>,
}

impl DeclaredWatch {
    pub(super) fn new(state: State, watch: StateWatch) -> Self {
        Self {
            state,
            watch,
            declared: Declared::default(),
            started: false,
            seen: 0,
            look_at: Instant::now() + LOOK_AFTER,
            missed_at: None,
        }
    }

    /// What is declared now, then again at each change; `None` when the watch must be begun anew.
    pub async fn next(&mut self) -> Option<Declared> {
        if !self.started {
            self.started = true;
            while !self.watch.caught_up() {
                let entry = self.watch.next().await?;
                self.take(entry);
            }
            return Some(self.declared.clone());
        }
        loop {
            match tokio::time::timeout_at(self.look_at, self.watch.next()).await {
                Ok(entry) => {
                    if self.take(entry?) {
                        return Some(self.declared.clone());
                    }
                }
                Err(_) => {
                    let newest = self.state.newest(state::key::APPS).await;
                    self.look_at = Instant::now() + LOOK_AFTER;
                    if self.is_deaf(newest) {
                        tracing::warn!("the watch on what is declared says nothing of what is new");
                        return None;
                    }
                }
            }
        }
    }

    fn take(&mut self, entry: StateEntry) -> bool {
        self.seen = self.seen.max(entry.revision);
        apply(&mut self.declared, entry)
    }

    /// Whether something newer was stored at two looks, and nothing came in between: what is on its way
    /// comes before the second. A state that can't be asked says nothing.
    fn is_deaf(&mut self, newest: Option<u64>) -> bool {
        let is_behind = newest.is_some_and(|newest| newest > self.seen);
        let before = std::mem::replace(&mut self.missed_at, is_behind.then_some(self.seen));
        is_behind && before == Some(self.seen)
    }
}

/// Takes an entry in; answers whether it was about an app.
pub(super) fn apply(declared: &mut Declared, entry: StateEntry) -> bool {
    let Some(state::Key::App(name)) = state::Key::read(&entry.key) else {
        return false;
    };
    match entry.value.map(|value| state::decode::<App>(&value)) {
        None => {
            declared.unreadable.remove(&name);
            declared.apps.remove(&name);
        }
        Some(Ok(value)) => {
            let revised = Revised {
                revision: entry.revision,
                value,
            };
            declared.unreadable.remove(&name);
            declared.apps.insert(name, revised);
        }
        // What was there before stays: an app that can't be read is no reason to stop it.
        Some(Err(error)) => {
            tracing::error!(app = %name, %error, "a declared app can't be read");
            if !declared.apps.contains_key(&name) {
                declared.unreadable.insert(name);
            }
        }
    }
    true
}
