//! A host writes an app only to take back what can't be started, over that very revision, and once.

use std::collections::BTreeSet;

use lattice_config::{App, state};

use super::super::apps;
use super::super::store::Store;

#[derive(Default)]
pub(in super::super) struct Rollback {
    taken_back: BTreeSet<(u64, String, u64)>,
}

impl Rollback {
    pub(super) fn wrote(&mut self, store: &Store, key: &str) {
        let history = store.history(key);
        let [.., before, after] = &history[..] else {
            panic!("{key} was written over nothing");
        };
        let app = |value: &Option<bytes::Bytes>| state::decode::<App>(value.as_ref().unwrap());
        let (was, is) = (app(&before.value).unwrap(), app(&after.value).unwrap());
        assert!(has_bad(&was), "{key} was taken back and could start");
        assert!(!has_bad(&is), "{key} was taken back to what can't start");
        assert!(was.rolled_back.is_none(), "{key} was taken back twice");
        let back = is.rolled_back.expect("it says why");
        assert_eq!(back.from, before.revision, "{key}");
        let once = (store.life, key.to_owned(), before.revision);
        assert!(self.taken_back.insert(once), "{key} was taken back twice");
    }

    /// How often something was.
    pub(in super::super) fn count(&self) -> usize {
        self.taken_back.len()
    }
}

pub(in super::super) fn has_bad(app: &App) -> bool {
    let mut actors = app.actors.values();
    actors.any(|actor| actor.component == apps::bad())
}
