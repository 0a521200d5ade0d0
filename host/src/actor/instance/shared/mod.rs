//! Instances that serve several calls at once, as async functions allow.
//!
//! The guest's work can't be taken out of an instance: a call that is given up goes on in there. So
//! its instance takes no more calls, the others in it finish, and then it is dropped. A trap ends all
//! that are in it, and the next call has a new one.

mod flowing;
mod roster;
mod worker;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Base;
use crate::capability::Waiting;
use crate::capability::threads::within;
use roster::{Roster, Rules};
use worker::{Job, Worker};

pub(crate) use flowing::{Flow, Flowing};
pub(crate) use roster::{Ended, Ticket};
pub(crate) use worker::{Call, Work};

/// The shared instances of one revision.
pub(crate) struct Shared {
    base: Arc<Base>,
    rules: Rules,
    open: Mutex<Vec<Open>>,
}

/// An instance that may take another call.
struct Open {
    roster: Arc<Roster>,
    jobs: mpsc::Sender<Job>,
}

impl Shared {
    pub(super) fn new(base: Arc<Base>, calls_max: u32, waiting: Waiting) -> Self {
        let at_once = match waiting {
            Waiting::Alone => usize::try_from(base.parts.limits.at_once).unwrap_or(1),
            // Nobody else could go on while one waits.
            Waiting::Together => 1,
        };
        Self {
            base,
            rules: Rules { at_once, calls_max },
            open: Mutex::default(),
        }
    }

    /// Puts a call into an instance with room, or into a new one.
    pub(crate) fn begin(&self, call: Call) -> Ticket {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|instance| !instance.roster.is_closed());
        loop {
            // The first with room, so that those that aren't needed become idle.
            let mut room = open
                .iter()
                .filter_map(|instance| instance.place(self.rules));
            if let Some((place, ticket)) = room.next() {
                let number = ticket.number;
                place.send(Job { number, call });
                return ticket;
            }
            // There is room in a new one, of which nobody else knows yet.
            open.push(self.spawn());
        }
    }

    fn spawn(&self) -> Open {
        let roster = Arc::new(Roster::default());
        // As many as can have entered; it is never full.
        let (jobs, receiver) = mpsc::channel(self.rules.at_once);
        let worker = Worker {
            base: self.base.clone(),
            roster: roster.clone(),
            jobs: receiver,
            alone: self.rules.calls_max == 1,
        };
        let granted = &self.base.parts.granted;
        // Whoever asks first may be on the one thread that keeps the time of file work.
        let host = granted.host().cloned().unwrap_or_else(Handle::current);
        let threads = granted.threads().cloned();
        host.spawn(async move { within(threads.as_ref(), pin!(worker.run())).await });
        Open { roster, jobs }
    }

    /// How many instances may take calls.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        let mut open = self.open.lock().unwrap();
        open.retain(|instance| !instance.roster.is_closed());
        open.len()
    }
}

impl Open {
    /// A place for one more call, if there is room.
    fn place(&self, rules: Rules) -> Option<(mpsc::Permit<'_, Job>, Ticket)> {
        let place = self.jobs.try_reserve().ok()?;
        Some((place, self.roster.enter(rules)?))
    }
}
