//! How many calls may run and how many may wait.
//!
//! A call takes a ticket when it arrives, or is refused at once; with a ticket it waits for its
//! turn. So nothing is accepted that can't be answered, and memory is bounded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// Running and waiting together.
    tickets: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// A call that was let in; its place is free again when this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket {
    _place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Admission {
    pub(crate) fn new(running_max: usize, waiting_max: usize) -> Self {
        // None at all could answer nobody, and a semaphore panics past its own limit.
        let running = running_max.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = waiting_max.min(Semaphore::MAX_PERMITS / 2);
        Self {
            tickets: Arc::new(Semaphore::new(running + waiting)),
            turns: Arc::new(Semaphore::new(running)),
        }
    }

    /// A ticket, unless as many calls run and wait as may.
    pub(crate) fn enter(&self) -> Option<Ticket> {
        let place = self.tickets.clone().try_acquire_owned().ok()?;
        Some(Ticket {
            _place: place,
            turns: self.turns.clone(),
        })
    }
}

impl Ticket {
    /// Waits until the call may run; it does until what is returned is dropped.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore, so there always is a turn.
        self.turns.clone().acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn past_the_running_calls_wait_and_past_the_waiting_they_are_refused() {
        let admission = Admission::new(1, 1);
        let (first, second) = (admission.enter().unwrap(), admission.enter().unwrap());
        assert!(admission.enter().is_none());

        let running = first.turn().now_or_never().unwrap().unwrap();
        assert!(second.turn().now_or_never().is_none());
        drop(running);
        drop(first);
        assert!(second.turn().now_or_never().is_some());
        assert!(admission.enter().is_some());
    }

    #[test]
    fn limits_of_nothing_and_of_everything_still_answer() {
        assert!(Admission::new(0, 0).enter().is_some());
        assert!(Admission::new(usize::MAX, usize::MAX).enter().is_some());
    }
}
