//! Many writes in one commit, in a thread of its own.
//!
//! A commit waits for the disk. What comes meanwhile is done together in the next one; each is
//! answered only after the commit that has it. Whose caller has gone by then is told of to whoever follows
//! writes (`Store::tell_unheard`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lattice_protocol::error::{CallError, ErrorCode};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::change::{Change, Outcome, Tables};
use super::database::Database;
use crate::bucket::Bucket;
use crate::store::{Error, Tell};

/// The most that wait to be written; who comes later waits to wait, which is bounded by how many
/// calls a provider runs at once.
const WAITING_MAX: usize = 1024;
/// The most writes of one commit: enough to share the wait for the disk, few enough that the first
/// is not kept for long.
const TOGETHER_MAX: usize = 1024;
/// The most bytes of one commit: bounds the memory of a transaction.
const TOGETHER_BYTES_MAX: usize = 16 << 20;

/// Hands writes to the thread.
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    ended: tokio::sync::Mutex<oneshot::Receiver<()>>,
    unheard: Arc<OnceLock<Tell>>,
}

struct Job {
    bucket: Bucket,
    change: Change,
    answer: oneshot::Sender<Result<Outcome, Error>>,
}

impl Job {
    /// Says what came of it: to its caller, or where that has gone, to who follows writes.
    fn answer(self, outcome: Result<Outcome, Error>, unheard: &OnceLock<Tell>) {
        let may_have_written = match &outcome {
            Ok(outcome) => !matches!(outcome, Outcome::Stands(_)),
            Err(error) => error.may_have_written(),
        };
        let is_heard = self.answer.send(outcome).is_ok();
        if may_have_written
            && !is_heard
            && let (Some(key), Some(tell)) = (self.change.key(), unheard.get())
        {
            tell(&self.bucket.name, key);
        }
    }
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> Result<Self, String> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let unheard = Arc::new(OnceLock::new());
        let told = unheard.clone();
        std::thread::Builder::new()
            .name("keyvalue-writer".into())
            .spawn(move || {
                work(&database, waiting, &told);
                // Nobody listens when the store was dropped without being stopped.
                let _ = end.send(());
            })
            .map_err(|error| format!("failed to start the thread that writes: {error}"))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            ended: tokio::sync::Mutex::new(ended),
            unheard,
        })
    }

    /// Takes who is told of writes that nobody waited for to the end.
    pub(super) fn tell_unheard(&self, tell: Tell) {
        // Whoever came first stays.
        let _ = self.unheard.set(tell);
    }

    /// Says how many wait for their turn.
    #[cfg(test)]
    pub(super) fn count(&self) -> impl Fn() -> usize + use<> {
        let jobs = self.lock().as_ref().map(mpsc::Sender::downgrade);
        move || match jobs.as_ref().and_then(mpsc::WeakSender::upgrade) {
            Some(jobs) => jobs.max_capacity() - jobs.capacity(),
            None => 0,
        }
    }

    /// Writes, and answers when it is on disk. Dropped before its turn, it writes nothing.
    pub(super) async fn write(&self, bucket: &Bucket, change: Change) -> Result<Outcome, Error> {
        let jobs = self.lock().clone();
        let jobs = jobs.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let job = Job {
            bucket: bucket.clone(),
            change,
            answer,
        };
        jobs.send(job).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// Takes no more, and waits until everything that came is written.
    pub(super) async fn stop(&self) {
        self.lock().take();
        // An error says that it has ended before.
        let _ = (&mut *self.ended.lock().await).await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::unavailable("the file was closed")
}

fn broken_off() -> Error {
    Error::Failed(CallError::begun(
        ErrorCode::Internal,
        "writing to the file broke off",
    ))
}

fn work(database: &Database, mut waiting: mpsc::Receiver<Job>, unheard: &OnceLock<Tell>) {
    while let Some(first) = waiting.blocking_recv() {
        let jobs = together(first, &mut waiting);
        // A panic in the library must not end the thread: it is one more way to fail.
        let committed = catch_unwind(AssertUnwindSafe(|| commit(database, &jobs)));
        match committed.unwrap_or(Err(Failed::Panicked)) {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    job.answer(outcome, unheard);
                }
            }
            Err(failed) => fail(database, jobs, &failed, unheard),
        }
    }
}

/// The first, and whoever waits too, up to the bounds.
fn together(first: Job, waiting: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.change.size();
    let mut jobs = vec![first];
    while jobs.len() < TOGETHER_MAX
        && bytes < TOGETHER_BYTES_MAX
        && let Ok(job) = waiting.try_recv()
    {
        bytes += job.change.size();
        jobs.push(job);
    }
    // Who has given up writes nothing.
    jobs.retain(|job| !job.answer.is_closed());
    jobs
}

/// Why a commit did not take place.
enum Failed {
    /// The file could not be opened: nothing was written.
    Closed(String),
    /// It failed on the way: what of it is on disk shows when it is opened again.
    Broken(redb::Error),
    /// The same.
    Panicked,
}

fn commit(database: &Database, jobs: &[Job]) -> Result<Vec<Result<Outcome, Error>>, Failed> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let open = database.open().map_err(Failed::Closed)?;
    let written = || -> Result<_, redb::Error> {
        // By default a commit is on disk when it returns.
        let transaction = open.begin_write()?;
        let mut tables = Tables::open(&transaction)?;
        let outcomes: Result<Vec<_>, redb::Error> = jobs
            .iter()
            .map(|job| tables.apply(&job.bucket, &job.change))
            .collect();
        let outcomes = outcomes?;
        tables.finish()?;
        transaction.commit()?;
        Ok(outcomes)
    };
    written().map_err(Failed::Broken)
}

fn fail(database: &Database, jobs: Vec<Job>, failed: &Failed, unheard: &OnceLock<Tell>) {
    let told = match failed {
        Failed::Closed(reason) => Error::unavailable(reason.clone()),
        Failed::Broken(reason) => Error::lost(database.failed("write", reason)),
        Failed::Panicked => broken_off(),
    };
    // After an error it takes nothing more until it was opened again, which the next use tries.
    database.close();
    error!(writes = jobs.len(), error = ?told, "writes failed");
    for job in jobs {
        job.answer(Err(told.clone()), unheard);
    }
}
