//! Who is in an instance that serves several calls at once, and who is told what in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lattice_protocol::error::CallError;
use tokio::sync::{Notify, oneshot};

use crate::capability::CallFailed;

/// How long an instance may go on computing after one of its calls was given up, before it ends with
/// all that is in it. Others in it may be in the middle of honest work, which rarely takes so long.
const GRACE: Duration = Duration::from_millis(100);

/// What an instance takes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// How many calls at once.
    pub(super) at_once: usize,
    /// How many in its life.
    pub(super) calls_max: u32,
}

/// Why a call in a shared instance has no result.
#[derive(Debug, Clone)]
pub enum Ended {
    /// Something that it called failed.
    Import(Arc<CallFailed>),
    /// The instance trapped, in this call or another one.
    Trapped {
        /// What wasmtime says.
        error: Arc<wasmtime::Error>,
        /// What the guest said.
        panic: Option<String>,
    },
    /// A stream that it was given broke off, or had elements of another type.
    Stream(CallError),
    /// There never was an instance: nothing of the call has run.
    Unmade(Arc<wasmtime::Error>),
    /// Another call's time was over, and the guest didn't stop computing.
    Stuck,
}

type Answer = Result<Vec<u8>, Ended>;

/// The calls of one instance, known to their callers and to the instance's task.
#[derive(Default)]
pub(super) struct Roster {
    state: Mutex<State>,
    /// Tells the task, inside the store, that somebody left.
    left: Notify,
    /// The same outside the store: inside may be busy.
    given_up: Notify,
    /// How many calls were given up, and how many of these the task has seen.
    forsaken: AtomicU64,
    seen: AtomicU64,
}

#[derive(Default)]
struct State {
    calls: BTreeMap<u32, oneshot::Sender<Answer>>,
    entered: u32,
    /// No more may enter.
    closed: bool,
}

/// A caller's hold on its call: dropped before the answer is there, the call is given up.
pub(crate) struct Ticket {
    roster: Arc<Roster>,
    pub(super) number: u32,
    answer: oneshot::Receiver<Answer>,
}

impl Roster {
    /// Enters if there is room.
    pub(super) fn enter(self: &Arc<Self>, rules: Rules) -> Option<Ticket> {
        let mut state = self.lock();
        if state.closed || state.calls.len() >= rules.at_once {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let number = state.entered;
        state.entered += 1;
        state.closed = state.entered >= rules.calls_max;
        state.calls.insert(number, sender);
        Some(Ticket {
            roster: self.clone(),
            number,
            answer,
        })
    }

    /// Answers a call, unless nobody waits for it any more.
    pub(super) fn answer(&self, number: u32, answer: Answer) {
        let caller = self.lock().calls.remove(&number);
        if let Some(caller) = caller {
            let _ = caller.send(answer);
        }
    }

    /// Ends a call whose work can't be ended: nobody enters after it, and the instance goes with the
    /// last that is in it.
    pub(super) fn forsake(&self, number: u32, answer: Answer) {
        self.close();
        self.answer(number, answer);
        self.forsaken.fetch_add(1, Ordering::Relaxed);
        self.left.notify_one();
        self.given_up.notify_one();
    }

    /// Lets nobody enter any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Lets nobody enter any more, if nobody is in.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut state = self.lock();
        let empty = state.calls.is_empty();
        state.closed |= empty;
        empty
    }

    /// Answers all that are left, the same.
    pub(super) fn end(&self, ended: &Ended) {
        let calls = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.calls)
        };
        for caller in calls.into_values() {
            let _ = caller.send(Err(ended.clone()));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().calls.is_empty()
    }

    /// Whether nobody is in and nobody will be.
    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.closed && state.calls.is_empty()
    }

    /// The task looked; returns when there is something new to see.
    pub(super) async fn turn(&self) {
        let forsaken = self.forsaken.load(Ordering::Relaxed);
        self.seen.store(forsaken, Ordering::Relaxed);
        self.left.notified().await;
    }

    /// Returns when the instance must go at once: nobody waits for anything in it, or it computes on
    /// after a call in it was given up. Must be waited for outside of the store, which is busy then.
    pub(super) async fn hopeless(&self) {
        loop {
            self.given_up.notified().await;
            let forsaken = self.forsaken.load(Ordering::Relaxed);
            if self.is_over() {
                return;
            }
            tokio::time::sleep(GRACE).await;
            if self.is_over() || self.seen.load(Ordering::Relaxed) < forsaken {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits for the answer.
    pub(crate) async fn answer(mut self) -> Answer {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            // The task is gone without a word, as at the end of the process.
            Err(_) => Err(Ended::Stuck),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let waits = self.roster.lock().calls.contains_key(&self.number);
        if waits {
            self.roster.forsake(self.number, Err(Ended::Stuck));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        at_once: 2,
        calls_max: 3,
    };

    #[test]
    fn no_more_enter_than_may_at_once_or_ever() {
        let roster = Arc::new(Roster::default());
        let first = roster.enter(RULES).unwrap();
        let _second = roster.enter(RULES).unwrap();
        assert!(roster.enter(RULES).is_none() && !roster.is_closed());
        roster.answer(first.number, Ok(Vec::new()));
        let _third = roster.enter(RULES).unwrap();
        roster.answer(1, Ok(Vec::new()));
        assert!(roster.enter(RULES).is_none() && roster.is_closed() && !roster.is_over());
    }

    #[test]
    fn a_call_that_is_given_up_closes_the_instance_and_leaves_the_others_in_it() {
        let roster = Arc::new(Roster::default());
        let first = roster.enter(RULES).unwrap();
        let second = roster.enter(RULES).unwrap();
        drop(first);
        assert!(roster.enter(RULES).is_none() && !roster.is_over());
        roster.answer(second.number, Ok(Vec::new()));
        assert!(roster.is_over());
    }

    #[tokio::test]
    async fn an_answered_call_closes_nothing() {
        let roster = Arc::new(Roster::default());
        let ticket = roster.enter(RULES).unwrap();
        roster.answer(ticket.number, Ok(vec![1]));
        assert_eq!(ticket.answer().await.unwrap(), [1]);
        assert!(!roster.is_closed());
        assert!(roster.close_if_empty() && roster.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_that_computes_on_after_a_call_was_given_up_is_hopeless() {
        let roster = Arc::new(Roster::default());
        let first = roster.enter(RULES).unwrap();
        let _second = roster.enter(RULES).unwrap();
        drop(first);
        // Nobody takes a turn.
        roster.hopeless().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_that_gives_way_may_finish_its_other_calls() {
        let roster = Arc::new(Roster::default());
        let first = roster.enter(RULES).unwrap();
        let second = roster.enter(RULES).unwrap();
        drop(first);
        let look = async {
            loop {
                roster.turn().await;
            }
        };
        tokio::select! {
            () = look => {}
            () = roster.hopeless() => panic!("there was hope"),
            () = tokio::time::sleep(10 * GRACE) => {}
        }
        drop(second);
        roster.hopeless().await;
        assert!(roster.is_over());
    }
}
