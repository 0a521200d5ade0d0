//! When a call must have ended.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::progress::Progress;

/// When a call must have ended. One with streams has its whole time anew whenever one of them moves.
#[derive(Debug, Clone)]
pub struct Deadline {
    first: Instant,
    moving: Option<Arc<Moving>>,
}

#[derive(Debug)]
struct Moving {
    patience: Duration,
    streams: Vec<Progress>,
}

impl From<Instant> for Deadline {
    fn from(first: Instant) -> Self {
        Self {
            first,
            moving: None,
        }
    }
}

impl Deadline {
    /// A deadline that begins anew, with `patience`, whenever one of the streams moves.
    pub fn moving(first: Instant, patience: Duration, streams: Vec<Progress>) -> Self {
        let moving = Moving { patience, streams };
        Self {
            first,
            moving: Some(Arc::new(moving)),
        }
    }

    /// When it is, as things stand.
    pub fn instant(&self) -> Instant {
        let Some(moving) = &self.moving else {
            return self.first;
        };
        let moved = moving.streams.iter().filter_map(Progress::moved);
        moved.fold(self.first, |latest, at| latest.max(at + moving.patience))
    }

    /// Returns when it has passed.
    pub async fn passed(&self) {
        loop {
            let instant = self.instant();
            tokio::time::sleep_until(instant.into()).await;
            if self.instant() <= instant {
                return;
            }
        }
    }

    /// What `work` comes to before it has passed. Pinned where it was made: a future that is handed on by
    /// value is held twice, and calls are made of many.
    pub async fn limit<T>(&self, mut work: impl Future<Output = T> + Unpin) -> Option<T> {
        // What ends at once needs no timer.
        let look = poll_fn(|cx| Poll::Ready(Pin::new(&mut work).poll(cx)));
        if let Poll::Ready(done) = look.await {
            return Some(done);
        }
        if self.moving.is_none() {
            return tokio::time::timeout_at(self.first.into(), work).await.ok();
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.passed() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_without_streams_ends_at_its_deadline() {
        let deadline = Deadline::from(Instant::now() + Duration::from_millis(5));
        assert_eq!(deadline.limit(std::future::pending::<()>()).await, None);
        assert_eq!(deadline.limit(Box::pin(async { 7 })).await, Some(7));
    }

    #[test]
    fn a_call_whose_streams_move_has_its_time_anew() {
        let (begun, patience) = (Instant::now(), Duration::from_secs(5));
        let progress = Progress::since(begun);
        let deadline = Deadline::moving(begun + patience, patience, vec![progress.clone()]);
        assert_eq!(deadline.instant(), begun + patience);
        while deadline.instant() == begun + patience {
            progress.touch();
        }
        assert!(deadline.instant() > begun + patience);
    }
}
