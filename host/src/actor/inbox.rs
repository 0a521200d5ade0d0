//! The calls that NATS brings to an actor, handed to the revision that takes new ones.
//!
//! An update changes the revision behind one subscription. A second subscription and a drain of the
//! first would lose calls: the client library forgets a drained subscription before the server has
//! confirmed it, and with it what was on the way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use lattice_client::{Client, ServeError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::accept::Overflow;
use super::intake;
use super::revision::Revision;

/// How much longer than its calls' own time a drain waits for them.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// The revision that takes new calls.
struct Takes(Mutex<Arc<Revision>>);

impl Takes {
    fn revision(&self) -> Arc<Revision> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Revision>> {
        // Nothing panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An actor that takes calls.
#[must_use]
pub(super) struct Inbox {
    takes: Arc<Takes>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Inbox {
    /// Subscribes; when this returns, the server sends calls here.
    pub(super) async fn open(client: &Client, revision: Arc<Revision>) -> Result<Self, ServeError> {
        let serving = client.serve(&(&revision.assigned.name).into()).await?;
        // Where that takes too long, the word that this actor runs follows the subscription on its way.
        client.settle().await;
        let (stop, stopped) = oneshot::channel();
        let takes = Arc::new(Takes(Mutex::new(revision)));
        let taking = takes.clone();
        let accept = move |incoming| taking.revision().accept(incoming, Overflow::Forward);
        // Also when the inbox was dropped.
        let stopped = stopped.map(drop);
        let task = tokio::spawn(intake::take(serving, accept, stopped));
        Ok(Self {
            takes,
            stop: Some(stop),
            task,
        })
    }

    /// The revision that takes new calls.
    pub(super) fn revision(&self) -> Arc<Revision> {
        self.takes.revision()
    }

    /// Hands new calls to another revision; answers the one before, which still has its own.
    pub(super) fn replace(&self, revision: Arc<Revision>) -> Arc<Revision> {
        std::mem::replace(&mut *self.takes.lock(), revision)
    }

    /// Takes no more calls; answers the revision that has the last of them, and ends them.
    pub(super) async fn leave(mut self) -> Arc<Revision> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
        self.revision()
    }
}

/// Returns when the calls that a revision has taken have ended.
pub(super) async fn finish(revision: &Revision) {
    let longest = Duration::from_millis(revision.limits().time_ms) + DRAIN_GRACE;
    let ended = async {
        revision.idle().await;
        revision.forwarded().await;
    };
    if tokio::time::timeout(longest, ended).await.is_err() {
        tracing::warn!(actor = %revision.assigned.name, "calls outlived the drain");
    }
}
