//! The calls that NATS brings to one revision, until it is drained.

use std::sync::Arc;
use std::time::Duration;

use lattice_client::{Client, ServeError, Serving};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::revision::{Overflow, Revision};

/// How much longer than its calls' own time a drain waits for them.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// A revision that takes calls.
#[must_use]
pub(super) struct Inbox {
    revision: Arc<Revision>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Inbox {
    /// Subscribes; when this returns, the server sends calls here.
    pub(super) async fn open(client: &Client, revision: Arc<Revision>) -> Result<Self, ServeError> {
        let serving = client.serve(&(&revision.assigned.name).into()).await?;
        client.settle().await;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(take(serving, revision.clone(), stopped));
        Ok(Self {
            revision,
            stop: Some(stop),
            task,
        })
    }

    pub(super) fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// Takes no more calls, and returns when those that were taken have ended.
    pub(super) async fn drain(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
        let longest = Duration::from_millis(self.revision.limits().time_ms) + DRAIN_GRACE;
        if tokio::time::timeout(longest, self.revision.idle())
            .await
            .is_err()
        {
            tracing::warn!(actor = %self.revision.assigned.name, "calls outlived the drain");
        }
    }
}

async fn take(mut serving: Serving, revision: Arc<Revision>, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            incoming = serving.next() => match incoming {
                Some(incoming) => revision.accept(incoming, Overflow::Forward).await,
                None => return,
            },
            // Also when the inbox was dropped.
            _ = &mut stopped => break,
        }
    }
    serving.drain().await;
    while let Some(incoming) = serving.next().await {
        revision.accept(incoming, Overflow::Forward).await;
    }
}
