//! Keeping records, one after another, without holding up answers for long.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio_util::task::TaskTracker;

/// How long a record may hold up the answer to its request: the change itself is made.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);
/// How long keeping it may take in all, its turn included: the first of a lattice makes a stream, which a
/// slow disk takes seconds for. A host that stops waits no longer either.
const KEEP_TIME_MAX: Duration = Duration::from_secs(10);
/// How many may wait to be kept: as many as there are requests at once, twice.
const WAITING_MAX: usize = 128;

/// Why a record is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Too many wait.
    #[error("{WAITING_MAX} records wait already")]
    Full,
    /// There was no answer.
    #[error("no answer within {KEEP_TIME_MAX:?}")]
    TimedOut,
    /// The store said so.
    #[error("{0}")]
    Failed(String),
}

/// The records that are being kept; clones share them.
#[derive(Clone)]
pub struct Trail {
    room: Arc<Semaphore>,
    /// They keep the order in which they came.
    turn: Arc<Mutex<()>>,
    tasks: TaskTracker,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(WAITING_MAX)),
            turn: Arc::default(),
            tasks: TaskTracker::new(),
        }
    }
}

impl Trail {
    /// Does the work of keeping a record, and says what became of it. Returns when that is done, or
    /// after a while: it goes on then.
    pub async fn keep<E: Display + Send>(
        &self,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
        told: impl FnOnce(NotKept) + Send + 'static,
    ) {
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            return told(NotKept::Full);
        };
        let turn = self.turn.clone();
        let kept = self.tasks.spawn(async move {
            let work = async {
                let _turn = turn.lock().await;
                work.await
            };
            match tokio::time::timeout(KEEP_TIME_MAX, work).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => told(NotKept::Failed(error.to_string())),
                Err(_) => told(NotKept::TimedOut),
            }
            drop(room);
        });
        let _ = tokio::time::timeout(ANSWER_TIME_MAX, kept).await;
    }

    /// Returns when nothing is being kept.
    pub async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Records = Arc<std::sync::Mutex<Vec<&'static str>>>;

    fn work(
        records: &Records,
        name: &'static str,
        time: Duration,
    ) -> impl Future<Output = Result<(), String>> + Send + 'static {
        let records = records.clone();
        async move {
            tokio::time::sleep(time).await;
            records.lock().unwrap().push(name);
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_takes_longer_than_its_answer_may_wait_is_kept_all_the_same() {
        let (trail, records) = (Trail::default(), Records::default());
        let slow = work(&records, "slow", 3 * ANSWER_TIME_MAX);
        trail.keep(slow, |reason| panic!("{reason}")).await;
        assert!(
            records.lock().unwrap().is_empty(),
            "the answer does not wait"
        );
        let quick = work(&records, "quick", Duration::ZERO);
        trail.keep(quick, |reason| panic!("{reason}")).await;
        trail.settled().await;
        assert_eq!(*records.lock().unwrap(), ["slow", "quick"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_answered_is_told_and_holds_nothing_up_for_ever() {
        let trail = Trail::default();
        let (told, reason) = tokio::sync::oneshot::channel();
        let never = std::future::pending::<Result<(), String>>();
        trail
            .keep(never, |reason| told.send(reason.to_string()).unwrap())
            .await;
        trail.settled().await;
        assert_eq!(reason.await.unwrap(), "no answer within 10s");
    }
}
