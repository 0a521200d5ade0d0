//! Who waits to add to which counter.
//!
//! The first to come for a counter leads: it works until nobody waits any more, and takes all who
//! came meanwhile at once. So one process never competes with itself for a hot key, and the more
//! wait, the fewer writes each costs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lattice_protocol::standard::keyvalue::Number;
use tokio::sync::oneshot;

use crate::bucket::BucketName;
use crate::number::Delta;
use crate::store::Error;

/// The most who wait for one counter: more than calls run at once, so it only ends what grows
/// without end.
const WAITING_MAX: usize = 8192;

/// A counter: a bucket and an encoded key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Counter {
    pub(super) bucket: BucketName,
    pub(super) key: String,
    /// How long what is written is kept: links that differ in it don't write for each other.
    pub(super) ttl: Option<Duration>,
}

/// One who adds, and waits for the sum.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) delta: Delta,
    pub(super) sum: oneshot::Sender<Result<Number, Error>>,
}

/// All who wait. A counter is a key here for as long as somebody leads it.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<HashMap<Counter, Vec<Waiter>>>);

/// What to do after joining.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// Nobody leads this counter: become its [`Lead`].
    First,
    /// Somebody does.
    Behind,
    /// Too many wait: this one was not taken.
    Full,
}

/// The duty to serve all who wait for one counter. Ended early, as by a panic, those who wait are
/// let go, and the next to come leads.
#[derive(Debug)]
#[must_use]
pub(super) struct Lead {
    queue: Arc<Queue>,
    counter: Counter,
    ended: bool,
}

impl Queue {
    pub(super) fn join(&self, counter: &Counter, waiter: Waiter) -> Joined {
        let mut waiting = self.lock();
        match waiting.get_mut(counter) {
            None => {
                waiting.insert(counter.clone(), vec![waiter]);
                Joined::First
            }
            Some(others) if others.len() < WAITING_MAX => {
                others.push(waiter);
                Joined::Behind
            }
            Some(_) => Joined::Full,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Counter, Vec<Waiter>>> {
        // Nothing panics while it is held, and a map is whole at every moment anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// Only for who was told [`Joined::First`].
    pub(super) fn new(queue: Arc<Queue>, counter: Counter) -> Self {
        Self {
            queue,
            counter,
            ended: false,
        }
    }

    pub(super) fn counter(&self) -> &Counter {
        &self.counter
    }

    /// Everybody who waits now; none when nobody does, and then the lead is over.
    pub(super) fn take(&mut self) -> Option<Vec<Waiter>> {
        let mut waiting = self.queue.lock();
        match waiting.get_mut(&self.counter) {
            Some(waiters) if !waiters.is_empty() => Some(std::mem::take(waiters)),
            _ => {
                waiting.remove(&self.counter);
                self.ended = true;
                None
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.ended {
            self.queue.lock().remove(&self.counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> Counter {
        Counter {
            bucket: "b".parse().unwrap(),
            key: "k".into(),
            ttl: None,
        }
    }

    fn join(queue: &Queue, by: u64) -> (Joined, oneshot::Receiver<Result<Number, Error>>) {
        let (sum, answer) = oneshot::channel();
        let delta = Delta::new(by.into(), false).unwrap();
        (queue.join(&counter(), Waiter { delta, sum }), answer)
    }

    #[test]
    fn the_first_leads_and_takes_all_who_came_meanwhile() {
        let queue = Arc::new(Queue::default());
        let (first, _a) = join(&queue, 1);
        assert_eq!(first, Joined::First);
        let mut lead = Lead::new(queue.clone(), counter());
        assert_eq!(lead.take().unwrap().len(), 1);

        let joined = [join(&queue, 2), join(&queue, 3)];
        assert!(joined.iter().all(|(joined, _)| *joined == Joined::Behind));
        let deltas: Vec<i128> = lead
            .take()
            .unwrap()
            .iter()
            .map(|waiter| waiter.delta.by())
            .collect();
        assert_eq!(deltas, [2, 3]);
        assert!(lead.take().is_none());
    }

    #[test]
    fn a_lead_that_is_over_does_not_disturb_the_next() {
        let queue = Arc::new(Queue::default());
        let _first = join(&queue, 1);
        let mut over = Lead::new(queue.clone(), counter());
        over.take();
        assert!(over.take().is_none());
        let (again, _answer) = join(&queue, 2);
        assert_eq!(again, Joined::First);
        drop(over);
        assert_eq!(join(&queue, 3).0, Joined::Behind);
    }

    #[test]
    fn a_lead_that_breaks_off_lets_everybody_go() {
        let queue = Arc::new(Queue::default());
        let (_, mut answer) = join(&queue, 1);
        drop(Lead::new(queue.clone(), counter()));
        assert!(answer.try_recv().is_err());
        assert_eq!(join(&queue, 2).0, Joined::First);
    }

    #[test]
    fn waiting_is_bounded() {
        let queue = Arc::new(Queue::default());
        let answers: Vec<_> = (0..WAITING_MAX).map(|_| join(&queue, 1)).collect();
        assert_eq!(answers.len(), WAITING_MAX);
        assert_eq!(join(&queue, 1).0, Joined::Full);
    }
}
