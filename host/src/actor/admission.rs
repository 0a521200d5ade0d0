//! Who may enter an actor: so many calls at once, so many waiting in turn, nobody else.
//!
//! The revisions of an actor have a door each into the same room: a call that the old one still runs
//! takes the place of one that the new one would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The door of one revision of an actor; clones share it.
#[derive(Clone)]
pub(super) struct Admission {
    room: Room,
    /// The calls that came by this door and run or wait.
    calls: TaskTracker,
}

/// What the revisions of an actor share.
#[derive(Clone)]
struct Room(Arc<Mutex<State>>);

struct State {
    slots: u32,
    busy: u32,
    waiting_max: usize,
    queue: VecDeque<Turn>,
}

/// A call in the queue.
struct Turn {
    caller: oneshot::Sender<Slot>,
    call: TaskTrackerToken,
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
    room: Option<Room>,
    _call: TaskTrackerToken,
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
        };
        Self {
            room: Room(Arc::new(Mutex::new(state))),
            calls: TaskTracker::new(),
        }
    }

    /// Another revision's door into the same room.
    pub(super) fn another(&self) -> Self {
        Self {
            room: self.room.clone(),
            calls: TaskTracker::new(),
        }
    }

    /// Comes to the door.
    pub(super) fn enter(&self) -> Entry {
        // One look at the state for both: a slot that is freed in between would be nobody's.
        let mut state = self.room.lock();
        if state.busy < state.slots {
            state.busy += 1;
            return Entry::Slot(self.slot());
        }
        if state.queue.len() >= state.waiting_max {
            // Some may have gone away since they queued.
            state.queue.retain(|turn| !turn.caller.is_closed());
        }
        if state.queue.len() >= state.waiting_max || state.slots == 0 {
            return Entry::Full;
        }
        let (caller, turn) = oneshot::channel();
        state.queue.push_back(Turn {
            caller,
            call: self.calls.token(),
        });
        Entry::Waiting(Waiting { turn })
    }

    /// A slot if one is free; never a place in the queue.
    pub(super) fn enter_now(&self) -> Option<Slot> {
        let mut state = self.room.lock();
        if state.busy >= state.slots {
            return None;
        }
        state.busy += 1;
        Some(self.slot())
    }

    /// The right of a call that counts as busy.
    fn slot(&self) -> Slot {
        Slot {
            room: Some(self.room.clone()),
            _call: self.calls.token(),
        }
    }

    /// Changes how many may run at once; calls over a smaller number finish.
    pub(super) fn resize(&self, slots: u32) {
        self.room.lock().slots = slots;
        self.room.let_in();
    }

    /// Changes how many may wait: those that do over a smaller number get their turn.
    pub(super) fn queue(&self, waiting_max: usize) {
        self.room.lock().waiting_max = waiting_max;
    }

    /// How busy the room is.
    pub(super) fn load(&self) -> Load {
        let state = self.room.lock();
        let waits = |turn: &&Turn| !turn.caller.is_closed();
        let waiting = state.queue.iter().filter(waits).count();
        Load {
            slots: state.slots,
            busy: state.busy,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        }
    }

    /// Returns when no call that came by this door runs or waits.
    pub(super) async fn idle(&self) {
        self.calls.close();
        self.calls.wait().await;
    }
}

impl Room {
    /// Lets in whoever's turn it is, as long as there is room.
    fn let_in(&self) {
        while let Some(turn) = self.next_turn() {
            self.hand_over(turn);
        }
    }

    /// The first in the queue, if there is room for it: it counts as busy from here on.
    fn next_turn(&self) -> Option<Turn> {
        let mut state = self.lock();
        if state.busy >= state.slots {
            return None;
        }
        let turn = state.queue.pop_front()?;
        state.busy += 1;
        Some(turn)
    }

    /// Gives a slot that already counts as busy to whoever's turn it is.
    fn hand_over(&self, turn: Turn) {
        let slot = Slot {
            room: Some(self.clone()),
            _call: turn.call,
        };
        if let Err(mut slot) = turn.caller.send(slot) {
            // It went away. The slot is freed here and not by its drop, which would come back here
            // once for each of those that went away.
            slot.room = None;
            self.free();
        }
    }

    fn free(&self) {
        self.lock().busy -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let Some(room) = self.room.take() else { return };
        room.free();
        room.let_in();
    }
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod tests;
