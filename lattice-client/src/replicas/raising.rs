//! A store that was made with one replica for want of servers gets the others when those are there.
//!
//! It is marked as such when it is made, in its stream's metadata, and nothing else is evidence: a store
//! without the mark, or with another number of replicas than it was made with, is as somebody wants it.
//! Whether there are servers enough is the server's word: it refuses what it has no room for. The mark
//! goes with the raise, so who lowers the number later has the last word.
//!
//! One task of a connection asks for all of its stores, one after the other, and for no further ones once
//! the server has said that servers lack: at rest that is one small question a minute.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::UpdateStreamError;
use async_nats::jetstream::stream::Config;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::{REPLICAS_MAX, chain, lacks_peers};

/// The metadata that says how many replicas were wanted where one was made.
const MARK: &str = "lattice-replicas-wanted";
/// The pause before the first try, and the longest, each twice the one before: servers of a cluster that
/// is just being made come soon, others when somebody starts them.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often a try may fail for another reason than want of servers, before its store is left to people.
const FAILURES_MAX: u32 = 10;
/// The most stores of one connection that are raised by themselves: one that is left out is found when it
/// is opened again.
const WAITING_MAX: usize = 1_000;

/// The stores of one connection that wait for servers.
#[derive(Debug, Default)]
pub(crate) struct Raising(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By the names of their streams, with how often a try failed.
    stores: BTreeMap<String, u32>,
    /// Tries; none while nothing waits. It ends with the connection.
    task: Option<AbortOnDropHandle<()>>,
}

/// What came of a try.
enum Tried {
    /// It has its replicas now.
    Raised,
    /// It is as somebody else wants it, or gone.
    Settled,
    /// There are too few servers, for this one and the others.
    TooFew,
    Failed(String),
}

/// The metadata of a store that has one replica in place of so many.
pub(super) fn mark(wanted: usize) -> HashMap<String, String> {
    [(MARK.to_owned(), wanted.to_string())].into()
}

/// The store with the replicas that were wanted, if it is as it was made.
pub(super) fn raised(config: &Config) -> Option<Config> {
    let wanted = config.metadata.get(MARK)?.parse().ok()?;
    let is_as_made = config.num_replicas == 1 && (2..=REPLICAS_MAX).contains(&wanted);
    is_as_made.then(|| {
        let mut config = config.clone();
        config.num_replicas = wanted;
        config.metadata.remove(MARK);
        config
    })
}

impl Raising {
    /// Tries until it has its replicas, for as long as the connection is there.
    pub(super) fn later(self: &Arc<Self>, jetstream: Context, store: String) {
        let mut waiting = self.lock();
        if waiting.stores.len() >= WAITING_MAX {
            return;
        }
        waiting.stores.entry(store).or_default();
        if waiting.task.is_none() {
            let tries = try_all(jetstream, Arc::downgrade(self));
            waiting.task = Some(AbortOnDropHandle::new(tokio::spawn(tries)));
        }
    }

    /// Those that wait; none means that nobody tries any more.
    fn stores(&self) -> Option<Vec<String>> {
        let mut waiting = self.lock();
        if waiting.stores.is_empty() {
            // The handle of the very task that asks, which ends upon this.
            waiting.task = None;
            return None;
        }
        Some(waiting.stores.keys().cloned().collect())
    }

    /// Takes note of a try; says whether the next store may be tried.
    fn tried(&self, store: &str, tried: Tried) -> bool {
        let mut waiting = self.lock();
        match tried {
            Tried::Raised => info!(
                store,
                "it has its replicas: the servers that it lacked are there"
            ),
            Tried::Settled => {}
            Tried::TooFew => return false,
            Tried::Failed(reason) => {
                let failures = waiting.stores.entry(store.to_owned()).or_default();
                *failures += 1;
                if *failures < FAILURES_MAX {
                    debug!(store, reason, "it can't be given more replicas now");
                    return true;
                }
                warn!(
                    store,
                    reason, "it keeps one replica: `nats stream update --replicas`"
                );
            }
        }
        waiting.stores.remove(store);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn try_all(jetstream: Context, raising: Weak<Raising>) {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        let Some(stores) = raising.upgrade().and_then(|raising| raising.stores()) else {
            return;
        };
        for store in stores {
            let tried = raise(&jetstream, &store).await;
            let Some(raising) = raising.upgrade() else {
                return;
            };
            if !raising.tried(&store, tried) {
                break;
            }
        }
    }
}

async fn raise(jetstream: &Context, store: &str) -> Tried {
    let stream = match jetstream.get_stream(store).await {
        Ok(stream) => stream,
        Err(error) => return Tried::Failed(chain(&error)),
    };
    let Some(raised) = raised(&stream.cached_info().config) else {
        return Tried::Settled;
    };
    let update: Result<_, UpdateStreamError> = jetstream.update_stream(&raised).await;
    match update {
        Ok(_) => Tried::Raised,
        Err(error) if lacks_peers(&error) => Tried::TooFew,
        Err(error) => Tried::Failed(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(num_replicas: usize, metadata: HashMap<String, String>) -> Config {
        Config {
            name: "KV_x".into(),
            num_replicas,
            metadata,
            ..Config::default()
        }
    }

    #[test]
    fn only_a_store_that_is_as_it_was_made_for_want_of_servers_is_raised_and_once() {
        let made = raised(&store(1, mark(3))).unwrap();
        assert_eq!(made.num_replicas, 3);
        assert_eq!(raised(&made), None);
        let lowered = Config {
            num_replicas: 1,
            ..made
        };
        assert_eq!(raised(&lowered), None, "somebody wants it so");
        assert_eq!(raised(&store(1, HashMap::new())), None);
        for chosen in [2, 3, 5] {
            assert_eq!(raised(&store(chosen, mark(3))), None, "{chosen}");
        }
        for nonsense in ["0", "1", "6", "-3", "many", ""] {
            let metadata = [(MARK.to_owned(), nonsense.to_owned())].into();
            assert_eq!(raised(&store(1, metadata)), None, "{nonsense}");
        }
    }

    #[test]
    fn what_else_is_written_in_a_store_stays() {
        let mut config = store(1, mark(3));
        config.metadata.insert("owner".into(), "me".into());
        config.max_bytes = 7;
        let raised = raised(&config).unwrap();
        assert_eq!(raised.metadata["owner"], "me");
        assert_eq!(raised.max_bytes, 7);
    }

    #[test]
    fn a_store_that_keeps_failing_is_left_to_people_and_one_that_lacks_servers_is_not() {
        let raising = Raising::default();
        raising.lock().stores.insert("a".into(), 0);
        for _ in 0..1_000 {
            assert!(!raising.tried("a", Tried::TooFew), "the others wait, too");
        }
        for _ in 0..FAILURES_MAX {
            assert!(raising.stores().is_some());
            assert!(raising.tried("a", Tried::Failed("denied".into())));
        }
        assert_eq!(raising.stores(), None);
    }
}
