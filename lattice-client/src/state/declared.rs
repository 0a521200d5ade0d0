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
    hearing: Hearing,
    /// When to look whether something newer is stored.
    look_at: Instant,
}

/// Whether a watch says what is new.
#[derive(Debug, Default)]
struct Hearing {
    /// The newest revision that came.
    seen: u64,
    /// The same at the last look, if something newer was stored then.
    missed_at: Option<u64>,
}

impl DeclaredWatch {
    pub(super) fn new(state: State, watch: StateWatch) -> Self {
        Self {
            state,
            watch,
            declared: Declared::default(),
            started: false,
            hearing: Hearing::default(),
            look_at: Instant::now() + LOOK_AFTER,
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
                    let newest = self.state.newest(state::key::APPS).await.ok().flatten();
                    self.look_at = Instant::now() + LOOK_AFTER;
                    if self.hearing.is_lost(newest) {
                        tracing::warn!("the watch on what is declared says nothing of what is new");
                        return None;
                    }
                }
            }
        }
    }

    fn take(&mut self, entry: StateEntry) -> bool {
        self.hearing.seen = self.hearing.seen.max(entry.revision);
        apply(&mut self.declared, entry)
    }
}

impl Hearing {
    /// Whether something newer was stored at two looks, and nothing came in between: what is on its way
    /// comes before the second. A state that can't be asked says nothing.
    fn is_lost(&mut self, newest: Option<u64>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missed_at_two_looks_with_nothing_in_between_is_a_lost_watch() {
        let mut hearing = Hearing {
            seen: 7,
            ..Hearing::default()
        };
        assert!(!hearing.is_lost(Some(7)));
        assert!(!hearing.is_lost(Some(9)));
        // Something came: it hears.
        hearing.seen = 8;
        assert!(!hearing.is_lost(Some(9)));
        // A state that can't be asked begins the count anew.
        assert!(!hearing.is_lost(None));
        assert!(!hearing.is_lost(Some(9)));
        assert!(hearing.is_lost(Some(10)));
    }
}
