//! Counters: exact under concurrency, and fast on a hot key.
//!
//! The number is read, added to, and written only if nobody wrote since. All who wait in this
//! process are added in one write (see `queue`); other processes are met with a new attempt after a
//! short pause. A write that is not answered is sent again, and its id tells whether it was the first
//! or the second that took place: so what was answered is counted, once.

use std::sync::Arc;

use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::keyvalue::Number;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::attempt;
use super::buckets::Buckets;
use super::entries::{Entries, Entry, Write, Written};
use super::queue::{Counter, Joined, Lead, Queue, Waiter};
use super::{conditional, key};
use crate::bucket::Bucket;
use crate::number::{self, Delta};
use crate::store::Error;

/// How often others may write first before the waiting are told so: with the pauses between, longer
/// than most deadlines.
const CONFLICTS_MAX: u32 = 64;

/// The counters of one provider.
pub(super) struct Counters {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    buckets: Arc<Buckets>,
    queue: Arc<Queue>,
}

/// What the leader knows of the number.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// None while there is no such key.
    number: Option<Number>,
    revision: u64,
}

impl Counters {
    pub(super) fn new(buckets: Arc<Buckets>) -> Self {
        let shared = Shared {
            buckets,
            queue: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
            tasks: TaskTracker::new(),
        }
    }

    /// Adds to a counter. Dropped before its turn, it adds nothing.
    pub(super) async fn increment(
        &self,
        bucket: &Bucket,
        key: &str,
        delta: Delta,
    ) -> Result<Number, Error> {
        let counter = Counter {
            bucket: bucket.name.clone(),
            key: key::encode(key),
            ttl: bucket.ttl,
        };
        let (sum, answer) = oneshot::channel();
        match self.shared.queue.join(&counter, Waiter { delta, sum }) {
            Joined::Behind => {}
            Joined::First => self.spawn_lead(bucket.clone(), counter),
            Joined::Full => return Err(Error::overloaded("too many wait to add to this key")),
        }
        answer.await.unwrap_or_else(|_| Err(broken_off()))
    }

    /// A task of its own: the caller who came first may go before the others are served.
    fn spawn_lead(&self, bucket: Bucket, counter: Counter) {
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            let mut lead = Lead::new(shared.queue.clone(), counter);
            let mut known = None;
            while let Some(waiters) = lead.take() {
                shared.serve(&bucket, &lead, &mut known, waiters).await;
            }
        });
    }

    /// Waits until every counter is at rest.
    pub(super) async fn stop(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Shared {
    /// Serves all of them; who comes meanwhile is served next.
    async fn serve(
        &self,
        bucket: &Bucket,
        lead: &Lead,
        known: &mut Option<Known>,
        mut waiters: Vec<Waiter>,
    ) {
        for conflict in 1..=CONFLICTS_MAX {
            // Who has given up adds nothing: no write that counts them is under way.
            waiters.retain(|waiter| !waiter.sum.is_closed());
            if waiters.is_empty() {
                return;
            }
            match self
                .try_once(bucket, &lead.counter().key, known, &waiters)
                .await
            {
                Ok(Some(sums)) => return answer(waiters, sums),
                Ok(None) => *known = None,
                Err(error) => {
                    *known = None;
                    let errors = vec![Err(error); waiters.len()];
                    return answer(waiters, errors);
                }
            }
            tokio::time::sleep(attempt::pause(conflict, attempt::random())).await;
        }
        let crowded = Err(Error::overloaded(
            "too many processes write this key at once",
        ));
        let errors = vec![crowded; waiters.len()];
        answer(waiters, errors);
    }

    /// Reads if need be, adds, writes. None when somebody else wrote first.
    async fn try_once(
        &self,
        bucket: &Bucket,
        key: &str,
        known: &mut Option<Known>,
        waiters: &[Waiter],
    ) -> Result<Option<Vec<Result<Number, Error>>>, Error> {
        let current = match *known {
            Some(current) => current,
            None => self.read(bucket, key).await?,
        };
        let start = current.number.unwrap_or(0u64.into());
        let sum = number::add(start, waiters.iter().map(|waiter| waiter.delta));
        if current.number != Some(sum.total) {
            let write = Write {
                id: Uuid::now_v7(),
                expected: current.revision,
                value: number::write(sum.total),
                ttl: bucket.ttl,
            };
            match conditional::write(&self.buckets, bucket, key, &write).await? {
                Written::Conflict => return Ok(None),
                Written::Revision(revision) => {
                    *known = Some(Known {
                        number: Some(sum.total),
                        revision,
                    });
                }
            }
        }
        Ok(Some(
            sum.after
                .into_iter()
                .map(|after| after.ok_or_else(number::overflow))
                .collect(),
        ))
    }

    async fn read(&self, bucket: &Bucket, key: &str) -> Result<Known, Error> {
        let read = |entries: Arc<Entries>| async move { entries.read(key).await };
        let Entry { value, revision } = attempt::idempotent(&self.buckets, bucket, read).await?;
        let number = match value {
            None => None,
            Some(value) => Some(number::read(&value).ok_or_else(|| not_a_number(key))?),
        };
        Ok(Known { number, revision })
    }
}

fn answer(waiters: Vec<Waiter>, results: Vec<Result<Number, Error>>) {
    for (waiter, result) in waiters.into_iter().zip(results) {
        // Who has gone by now was told that it may have been done.
        let _ = waiter.sum.send(result);
    }
}

fn not_a_number(key: &str) -> Error {
    let key = key::decode(key).unwrap_or_else(|| key.to_owned());
    number::not_a_number(&key)
}

fn broken_off() -> Error {
    Error::Failed(CallError::begun(
        ErrorCode::Internal,
        "adding to the key broke off",
    ))
}
