//! Who may enter an actor: so many calls at once, so many waiting in turn, nobody else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The door of one revision of an actor; clones share it.
#[derive(Clone)]
pub(super) struct Admission {
    state: Arc<Mutex<State>>,
}

struct State {
    slots: u32,
    busy: u32,
    waiting_max: usize,
    queue: VecDeque<oneshot::Sender<Slot>>,
    /// Told when the last slot is given back: what a drain waits for.
    idle: Vec<oneshot::Sender<()>>,
}

/// What becomes of a call at the door.
pub(super) enum Entry {
    /// It may run now.
    Slot(Slot),
    /// It is in the queue.
    Waiting(Waiting),
    /// No room, and the queue is full.
    Full,
}

/// The right to run one call; given back when dropped.
pub(super) struct Slot {
    /// Taken out when the slot is passed on instead.
    door: Option<Admission>,
}

/// A place in the queue; given up when dropped.
pub(super) struct Waiting {
    turn: oneshot::Receiver<Slot>,
}

/// How busy an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// How many calls may run at once.
    pub(super) slots: u32,
    /// How many do.
    pub busy: u32,
    /// How many wait.
    pub waiting: u32,
}

impl Admission {
    /// A door for `slots` calls at once, with `waiting_max` more in the queue.
    pub(super) fn new(slots: u32, waiting_max: usize) -> Self {
        let state = State {
            slots,
            busy: 0,
            waiting_max,
            queue: VecDeque::new(),
            idle: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Comes to the door.
    pub(super) fn enter(&self) -> Entry {
        // One look at the state for both: a slot that is freed in between would be nobody's.
        let mut state = self.lock();
        if state.busy < state.slots {
            state.busy += 1;
            return Entry::Slot(Slot {
                door: Some(self.clone()),
            });
        }
        if state.queue.len() >= state.waiting_max {
            // Some may have gone away since they queued.
            state.queue.retain(|turn| !turn.is_closed());
        }
        if state.queue.len() >= state.waiting_max || state.slots == 0 {
            return Entry::Full;
        }
        let (sender, turn) = oneshot::channel();
        state.queue.push_back(sender);
        Entry::Waiting(Waiting { turn })
    }

    /// A slot if one is free; never a place in the queue.
    pub(super) fn enter_now(&self) -> Option<Slot> {
        let mut state = self.lock();
        if state.busy >= state.slots {
            return None;
        }
        state.busy += 1;
        Some(Slot {
            door: Some(self.clone()),
        })
    }

    /// Changes how many may run at once; calls over a smaller number finish.
    pub(super) fn resize(&self, slots: u32) {
        self.lock().slots = slots;
        while let Some(turn) = self.next_turn() {
            self.hand_over(turn);
        }
    }

    /// How busy it is.
    pub(super) fn load(&self) -> Load {
        let state = self.lock();
        let waiting = state.queue.iter().filter(|turn| !turn.is_closed()).count();
        Load {
            slots: state.slots,
            busy: state.busy,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        }
    }

    /// Returns when no call runs or waits.
    pub(super) async fn idle(&self) {
        let idle = {
            let mut state = self.lock();
            if state.busy == 0 && state.queue.is_empty() {
                return;
            }
            let (sender, idle) = oneshot::channel();
            state.idle.push(sender);
            idle
        };
        // The sender lives in the state that `self` holds: it is told, never dropped.
        let _ = idle.await;
    }

    /// The first in the queue, if there is room for it: it counts as busy from here on.
    fn next_turn(&self) -> Option<oneshot::Sender<Slot>> {
        let mut state = self.lock();
        if state.busy >= state.slots {
            return None;
        }
        let turn = state.queue.pop_front()?;
        state.busy += 1;
        Some(turn)
    }

    /// Gives a slot that already counts as busy to whoever's turn it is.
    fn hand_over(&self, turn: oneshot::Sender<Slot>) {
        let slot = Slot {
            door: Some(self.clone()),
        };
        if let Err(mut slot) = turn.send(slot) {
            // It went away. The slot is freed here and not by its drop, which would come back here
            // once for each of those that went away.
            slot.door = None;
            self.free();
        }
    }

    fn free(&self) {
        let mut state = self.lock();
        state.busy -= 1;
        if state.busy == 0 && state.queue.is_empty() {
            for idle in state.idle.drain(..) {
                let _ = idle.send(());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Waits for a slot.
    pub(super) async fn slot(self) -> Option<Slot> {
        self.turn.await.ok()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(door) = self.door.take() else { return };
        door.free();
        while let Some(turn) = door.next_turn() {
            door.hand_over(turn);
        }
    }
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod tests;
