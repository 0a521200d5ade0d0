//! Every part that a head names is there: whoever reads a head can read all of it.

use lattice_config::state::Key;
use lattice_config::state::head::Reading;
use lattice_config::state::key;

use super::super::store::Store;

#[derive(Default)]
pub(in super::super) struct Parts;

impl Parts {
    pub(in super::super) fn check(&self, store: &Store) {
        for entry in store.all() {
            let (Some(Key::Assignment(host)), Some(value)) = (Key::read(&entry.key), entry.value)
            else {
                continue;
            };
            for name in Reading::begin(&value).unwrap().names() {
                let key = key::part(&host, &name);
                let part = store.entry(&key).and_then(|entry| entry.value);
                assert!(
                    part.is_some(),
                    "{} names {key}, which is not there",
                    entry.key
                );
            }
        }
    }
}
