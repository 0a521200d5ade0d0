//! What is declared, from the entries of the bucket.

use lattice_config::{App, Declared, Revised, state};

use super::{StateEntry, StateWatch};

/// What is declared, whole, at each change.
///
/// Only a deletion that was seen removes an app: a bucket that vanishes or comes back older says
/// nothing.
pub struct DeclaredWatch {
    watch: StateWatch,
    declared: Declared,
    started: bool,
}

impl DeclaredWatch {
    pub(super) fn new(watch: StateWatch) -> Self {
        Self {
            watch,
            declared: Declared::default(),
            started: false,
        }
    }

    /// What is declared now, then again at each change; `None` when the watch must be begun anew.
    pub async fn next(&mut self) -> Option<Declared> {
        if !self.started {
            self.started = true;
            while !self.watch.caught_up() {
                let entry = self.watch.next().await?;
                apply(&mut self.declared, entry);
            }
            return Some(self.declared.clone());
        }
        loop {
            let entry = self.watch.next().await?;
            if apply(&mut self.declared, entry) {
                return Some(self.declared.clone());
            }
        }
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
