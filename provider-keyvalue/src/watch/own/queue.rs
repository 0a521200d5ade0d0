//! The keys that wait for one watch.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tracing::warn;

/// The most keys that wait for one watch: with the longest keys some 10 MiB.
const WAITING_MAX: usize = 10_000;

/// The keys that wait for one watch, each once.
pub(super) struct Queue {
    prefix: String,
    waiting: Mutex<Waiting>,
    came: Notify,
}

#[derive(Default)]
struct Waiting {
    keys: VecDeque<Arc<str>>,
    known: HashSet<Arc<str>>,
    is_full: bool,
}

impl Queue {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            waiting: Mutex::default(),
            came: Notify::new(),
        }
    }

    pub(super) fn push(&self, key: &str) {
        if !key.starts_with(&self.prefix) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.known.contains(key) {
            return;
        }
        let was_full = waiting.is_full;
        waiting.is_full = waiting.keys.len() >= WAITING_MAX;
        if !waiting.is_full {
            let key: Arc<str> = key.into();
            waiting.known.insert(key.clone());
            waiting.keys.push_back(key);
            drop(waiting);
            self.came.notify_one();
        } else if !was_full {
            drop(waiting);
            warn!("{WAITING_MAX} keys wait to be told to an actor: it is not told of further ones");
        }
    }

    pub(super) fn pop(&self) -> Option<Arc<str>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = waiting.keys.pop_front()?;
        waiting.known.remove(&key);
        Some(key)
    }

    /// Returns once a key has come since the last that did not have to wait.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_a_key_that_waits_goes_on_waiting() {
        let queue = Queue::new("");
        for at in 0..=WAITING_MAX {
            queue.push(&at.to_string());
            queue.push("0");
        }
        let waits = std::iter::from_fn(|| queue.pop()).count();
        assert_eq!(waits, WAITING_MAX);
        queue.push("again");
        assert_eq!(queue.pop().as_deref(), Some("again"));
    }
}
