//! Where instances wait for their next call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long an instance may wait. A caller in a loop comes back within milliseconds; what is not
/// called for so long is worth less than its memory.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(10);

/// Idle things, the last used first; one that waits too long is dropped, and all of them with the
/// shelf. While it is empty nothing runs.
pub(super) struct Shelf<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    max: usize,
    /// With when each was put there, the oldest first.
    idle: VecDeque<(Instant, T)>,
    sweeper: Option<AbortHandle>,
}

impl<T: Send + 'static> Shelf<T> {
    /// A shelf for up to `max` at once.
    pub(super) fn new(max: usize) -> Self {
        let state = State {
            max,
            idle: VecDeque::new(),
            sweeper: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The last one put there: its memory is the warmest.
    pub(super) fn take(&self) -> Option<T> {
        lock(&self.state).idle.pop_back().map(|(_, thing)| thing)
    }

    /// Puts one there, if there is room.
    pub(super) fn put(&self, thing: T) {
        let mut state = lock(&self.state);
        if state.idle.len() >= state.max {
            // Not under the lock: giving up a memory takes its time.
            drop(state);
            return drop(thing);
        }
        state.idle.push_back((Instant::now(), thing));
        if state.sweeper.is_none() {
            let shelf = Arc::downgrade(&self.state);
            state.sweeper = Some(tokio::spawn(sweep(shelf)).abort_handle());
        }
    }

    /// Changes how many may wait; the oldest of those over a smaller number are dropped.
    pub(super) fn resize(&self, max: usize) {
        let mut state = lock(&self.state);
        state.max = max;
        let excess = state.idle.len().saturating_sub(max);
        let gone: Vec<_> = state.idle.drain(..excess).collect();
        drop(state);
        drop(gone);
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.state).idle.len()
    }

    /// Whether a task looks after them.
    #[cfg(test)]
    fn is_swept(&self) -> bool {
        lock(&self.state).sweeper.is_some()
    }
}

async fn sweep<T>(shelf: Weak<Mutex<State<T>>>) {
    while let Some(next) = expire(&shelf) {
        tokio::time::sleep_until(next).await;
    }
}

/// Drops those whose time is over, and tells when the next one's is; none if none is left.
fn expire<T>(shelf: &Weak<Mutex<State<T>>>) -> Option<Instant> {
    let shelf = shelf.upgrade()?;
    let now = Instant::now();
    let mut state = lock(&shelf);
    let over = |(since, _): &&(Instant, T)| now.duration_since(*since) >= IDLE_MAX;
    let expired = state.idle.iter().take_while(over).count();
    let gone: Vec<_> = state.idle.drain(..expired).collect();
    let next = state.idle.front().map(|(since, _)| *since + IDLE_MAX);
    if next.is_none() {
        state.sweeper = None;
    }
    drop(state);
    drop(gone);
    next
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    // Nothing panics under this lock.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_one_put_there_is_the_first_taken() {
        let shelf = Shelf::new(3);
        [1, 2, 3].into_iter().for_each(|thing| shelf.put(thing));
        assert_eq!(
            [shelf.take(), shelf.take(), shelf.take()],
            [3, 2, 1].map(Some)
        );
        assert_eq!(shelf.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_there_is_room_for() {
        let shelf = Shelf::new(2);
        [1, 2, 3].into_iter().for_each(|thing| shelf.put(thing));
        assert_eq!(shelf.len(), 2);
        shelf.resize(1);
        assert_eq!((shelf.len(), shelf.take()), (1, Some(2)));
        shelf.resize(0);
        shelf.put(4);
        assert_eq!(shelf.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_too_long_is_dropped_and_then_nothing_runs() {
        let shelf = Shelf::new(2);
        shelf.put("first");
        tokio::time::sleep(IDLE_MAX / 2).await;
        shelf.put("second");
        tokio::time::sleep(IDLE_MAX / 2 + Duration::from_millis(1)).await;
        assert_eq!((shelf.len(), shelf.is_swept()), (1, true));
        tokio::time::sleep(IDLE_MAX / 2).await;
        assert_eq!((shelf.len(), shelf.is_swept()), (0, false));
        shelf.put("third");
        tokio::time::sleep(IDLE_MAX + Duration::from_millis(1)).await;
        assert_eq!(shelf.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_shelf_drops_what_waits_and_its_task() {
        let shelf = Shelf::new(1);
        let thing = Arc::new(());
        shelf.put(thing.clone());
        tokio::task::yield_now().await;
        drop(shelf);
        assert_eq!(Arc::strong_count(&thing), 1);
        let metrics = tokio::runtime::Handle::current().metrics();
        tokio::task::yield_now().await;
        assert_eq!(metrics.num_alive_tasks(), 0);
    }
}
