//! The watches that run, as the links say.

use std::sync::Arc;

use provider_sdk::Caller;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use super::{Changes, Observable, Watch, teller};

/// The watches of a provider.
pub(crate) struct Watches {
    caller: Caller,
    running: Mutex<Vec<Running>>,
}

/// A watch that runs.
struct Running {
    watch: Watch,
    store: Arc<dyn Observable>,
    stop: CancellationToken,
    /// Gives the changes back when it has stopped.
    task: AbortOnDropHandle<Box<dyn Changes>>,
}

impl Watches {
    pub(crate) fn new(caller: Caller) -> Self {
        Self {
            caller,
            running: Mutex::default(),
        }
    }

    /// Makes those run that are wanted, and no others: what stays goes on undisturbed.
    pub(crate) async fn set(&self, wanted: Vec<Watch>, store: &Arc<dyn Observable>) {
        let mut running = self.running.lock().await;
        let (kept, ended): (Vec<_>, Vec<_>) = running
            .drain(..)
            .partition(|now| Arc::ptr_eq(&now.store, store) && wanted.contains(&now.watch));
        *running = kept;
        for old in ended {
            let goes_on = wanted.iter().any(|watch| old.is_taken_over_by(watch));
            if let Some(mut changes) = old.end().await
                && !goes_on
            {
                changes.forget().await;
            }
        }
        for watch in wanted {
            if running.iter().all(|now| now.watch != watch) {
                running.push(self.start(watch, store));
            }
        }
    }

    /// Ends all; what waits in the store is told by whoever comes next.
    pub(crate) async fn stop(&self) {
        for each in self.running.lock().await.drain(..) {
            each.end().await;
        }
    }

    fn start(&self, watch: Watch, store: &Arc<dyn Observable>) -> Running {
        let stop = CancellationToken::new();
        // From here on changes wait, whenever the task begins.
        let mut changes = store.changes(&watch);
        let task = {
            let (caller, watch, stop) = (self.caller.clone(), watch.clone(), stop.clone());
            async move {
                teller::tell_all(caller, &watch, &mut *changes, &stop).await;
                changes
            }
        };
        info!(actor = %watch.actor, bucket = %watch.bucket.name, "its changes are told");
        Running {
            watch,
            store: store.clone(),
            stop,
            task: AbortOnDropHandle::new(tokio::spawn(task)),
        }
    }
}

impl Running {
    /// Whether another watch goes on where this one ends.
    fn is_taken_over_by(&self, other: &Watch) -> bool {
        let of = |watch: &Watch| {
            let Watch {
                actor,
                link,
                bucket,
                ..
            } = watch;
            (actor.clone(), link.clone(), bucket.name.clone())
        };
        of(&self.watch) == of(other)
    }

    async fn end(self) -> Option<Box<dyn Changes>> {
        self.stop.cancel();
        // A task that panicked has nothing to give back.
        self.task.await.ok()
    }
}
