//! The store: keys with revisions, changed by compare-and-swap; it can be wiped and set back.

use std::collections::BTreeMap;

use bytes::Bytes;
use lattice_client::{StateEntry, StateRevision};

use super::super::ask::{Answer, Ask};

/// Revisions of stores that follow on each other differ, unless [`Store::counts_alike`].
const STEP: u64 = 16;

/// A bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    revision: u64,
    keys: BTreeMap<String, (u64, Option<Bytes>)>,
    /// Everything that was written, oldest first.
    history: Vec<(String, StateRevision)>,
    /// Grows when it is wiped or set back: revisions of one say nothing of another.
    pub(super) life: u64,
    pub(super) is_away: bool,
    /// It counts from where it was set back to, as JetStream does: what was meant for the store before
    /// may go through in the one after it.
    pub(super) counts_alike: bool,
}

impl Store {
    pub(super) fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Get { key } => Answer::Entry(self.entry(key)),
            Ask::History { key } => Answer::History(self.history(key)),
            Ask::Put { key, value, over } => {
                if !self.is_at(key, *over) {
                    return Answer::Conflict;
                }
                let revision = self.set(key, Some(value.clone()));
                Answer::Written { revision }
            }
            Ask::Purge { key, over } => {
                if self.keys.get(key).map_or(0, |(revision, _)| *revision) != *over {
                    return Answer::Conflict;
                }
                self.set(key, None);
                Answer::Deleted
            }
            Ask::Erase { key } => {
                self.keys.remove(key);
                self.history.retain(|(of, _)| of != key);
                Answer::Deleted
            }
        }
    }

    /// As JetStream has it: 0 is a key that is not there, or that was deleted.
    fn is_at(&self, key: &str, over: u64) -> bool {
        match self.keys.get(key) {
            None | Some((_, None)) => over == 0,
            Some((revision, Some(_))) => *revision == over,
        }
    }

    fn set(&mut self, key: &str, value: Option<Bytes>) -> u64 {
        self.revision = match self.counts_alike {
            true => self.revision + 1,
            false => (self.revision / STEP + 1) * STEP + self.life % STEP,
        };
        let kept = StateRevision {
            revision: self.revision,
            written: String::new(),
            value: value.clone(),
        };
        self.history.push((key.to_owned(), kept));
        self.keys.insert(key.to_owned(), (self.revision, value));
        self.revision
    }

    pub(super) fn history(&self, key: &str) -> Vec<StateRevision> {
        let of_it = self.history.iter().filter(|(of, _)| of == key);
        of_it.map(|(_, kept)| kept.clone()).collect()
    }

    pub(super) fn entry(&self, key: &str) -> Option<StateEntry> {
        let (revision, value) = self.keys.get(key)?;
        Some(StateEntry {
            key: key.to_owned(),
            revision: *revision,
            value: value.clone(),
        })
    }

    pub(super) fn all(&self) -> Vec<StateEntry> {
        let entries = self.keys.keys().filter_map(|key| self.entry(key));
        entries.collect()
    }

    /// What an operator writes, whatever was there; `None` deletes.
    pub(super) fn write(&mut self, key: &str, value: Option<Bytes>) {
        self.set(key, value);
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn wipe(&mut self) {
        *self = Self {
            life: self.life + 1,
            is_away: self.is_away,
            counts_alike: self.counts_alike,
            ..Self::default()
        };
    }

    pub(super) fn set_back(&mut self, to: &Self) {
        *self = Self {
            life: self.life + 1,
            is_away: self.is_away,
            counts_alike: self.counts_alike,
            ..to.clone()
        };
    }
}
