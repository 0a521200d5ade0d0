//! HTTP/2 streams that can be cut off one by one.
//!
//! hyper doesn't look at a response's body while the client gives it no room, so nothing in that
//! body could end it. But each stream is a future that hyper hands to an executor: this one drops
//! the future of a stream whose client didn't take anything for `idle_timeout_ms`, which resets that
//! stream and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::sync::Notify;

tokio::task_local! {
    /// Whose turn it is on the stream that this task is for.
    static TURN: Arc<Turn>;
}

/// Whose turn it is on a stream: the client's, to take something, or ours.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Odd while it is the client's; changes with each move.
    moves: AtomicU64,
    changed: Notify,
}

impl Turn {
    /// That of the stream that this is polled for; HTTP/1 has none.
    pub(crate) fn of_stream() -> Option<Arc<Self>> {
        TURN.try_with(Arc::clone).ok()
    }

    /// The client may take something (again).
    pub(crate) fn clients(&self) {
        self.to(1);
    }

    /// There is nothing for the client to take.
    pub(crate) fn ours(&self) {
        self.to(0);
    }

    fn to(&self, parity: u64) {
        let before = self.moves.load(Ordering::Relaxed);
        let after = if before % 2 == parity {
            before + 2
        } else {
            before + 1
        };
        self.moves.store(after, Ordering::Relaxed);
        if before % 2 != parity {
            self.changed.notify_one();
        }
    }

    /// Returns when the client had the turn for `patience` without a move.
    async fn stalled(&self, patience: Duration) {
        loop {
            let seen = self.moves.load(Ordering::Relaxed);
            if seen.is_multiple_of(2) {
                self.changed.notified().await;
                continue;
            }
            tokio::time::sleep(patience).await;
            if self.moves.load(Ordering::Relaxed) == seen {
                return;
            }
        }
    }
}

/// Runs the streams of a connection, each for as long as its client takes what it is given.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    pub(crate) patience: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let patience = self.patience;
        let turn = Arc::new(Turn::default());
        let watched = turn.clone();
        tokio::spawn(TURN.scope(turn, async move {
            tokio::select! {
                biased;
                _ = stream => {}
                () = watched.stalled(patience) => {}
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(4);

    async fn is_stalled(turn: &Turn) -> bool {
        let stalled = turn.stalled(PATIENCE);
        tokio::time::timeout(PATIENCE * 10, stalled).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_client_that_takes_nothing_stalls_a_stream() {
        let turn = Turn::default();
        assert!(!is_stalled(&turn).await);
        turn.clients();
        assert!(is_stalled(&turn).await);
        turn.ours();
        assert!(!is_stalled(&turn).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_something_in_time_does_not_stall() {
        let turn = Turn::default();
        turn.clients();
        let taking = async {
            for _ in 0..20 {
                tokio::time::sleep(PATIENCE / 2).await;
                turn.clients();
            }
        };
        tokio::select! {
            () = turn.stalled(PATIENCE) => panic!("it stalled"),
            () = taking => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_future_of_a_stalled_stream_is_dropped() {
        let (held, mut dropped) = tokio::sync::oneshot::channel::<()>();
        Streams { patience: PATIENCE }.execute(async move {
            let _held = held;
            Turn::of_stream().unwrap().clients();
            std::future::pending::<()>().await;
        });
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(dropped.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty));
        assert!(dropped.await.is_err());
    }
}
