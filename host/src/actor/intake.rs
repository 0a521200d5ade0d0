//! Takes calls in, and begins them in groups.
//!
//! A call of a small function takes a few microseconds. Waking a task for it, and the connection for its
//! reply alone, would cost several times as much. So the calls that have come by now are begun one after
//! another in one task, as many as are worth [`GROUP_TIME`], and their replies leave together. A call
//! that has to wait, or computes for longer than a tick, goes on in a task of its own; where calls have
//! been long lately, each has one from the start.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lattice_client::{Incoming, Serving};

/// How much work one task takes on: a reply waits no longer for those that leave with it. It is some
/// times what handing work to another thread costs.
const GROUP_TIME: Duration = Duration::from_micros(300);
/// How many calls a group has at the most, however short they are.
const GROUP_MAX: usize = 32;
/// One call changes what is expected of the next by one part of so many.
const WEIGHT: u64 = 8;

/// A call that was let in, up to its reply.
pub(super) type Work = BoxFuture<'static, ()>;

/// Takes calls in and begins what `accept` makes of them, until `stop`; then those that came before it.
///
/// Most actors of many wait for a call that rarely comes, so that what this holds while it waits is
/// kept small.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn holds its arguments twice, as it was given them and as it uses them"
)]
pub(super) fn take(
    mut serving: Serving,
    accept: impl Fn(Incoming) -> Option<Work>,
    stop: impl Future<Output = ()>,
) -> impl Future<Output = ()> {
    async move {
        let pace = Arc::new(Pace::default());
        {
            let mut stop = pin!(stop);
            let comes = |cx: &mut Context<'_>| match stop.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => poll_group(&mut serving, &pace, &accept, cx),
            };
            begin_all(comes, &pace).await;
        }
        Box::pin(serving.drain()).await;
        let comes = |cx: &mut Context<'_>| poll_group(&mut serving, &pace, &accept, cx);
        begin_all(comes, &pace).await;
    }
}

/// Calls that are begun one after another.
struct Group {
    calls: Vec<Work>,
    /// Whether there may be more than these.
    more: bool,
}

async fn begin_all(
    mut comes: impl FnMut(&mut Context<'_>) -> Poll<Option<Group>>,
    pace: &Arc<Pace>,
) {
    while let Some(group) = poll_fn(&mut comes).await {
        match group.more {
            false => begin(group.calls, pace),
            true => drop(tokio::spawn(begin_apart(group.calls, pace.clone()))),
        }
    }
}

/// What has come by now, as much of it as is worth one task; none once no more calls come.
fn poll_group(
    serving: &mut Serving,
    pace: &Pace,
    accept: impl Fn(Incoming) -> Option<Work>,
    cx: &mut Context<'_>,
) -> Poll<Option<Group>> {
    let Some(first) = ready!(serving.poll_next(cx)) else {
        return Poll::Ready(None);
    };
    let max = pace.group();
    let mut calls: Vec<_> = accept(first).into_iter().collect();
    let mut more = true;
    while more && calls.len() < max {
        match serving.poll_next(cx) {
            Poll::Ready(Some(next)) => calls.extend(accept(next)),
            Poll::Ready(None) | Poll::Pending => more = false,
        }
    }
    Poll::Ready(Some(Group { calls, more }))
}

async fn begin_apart(group: Vec<Work>, pace: Arc<Pace>) {
    begin(group, &pace);
}

/// Begins one call after another; those that have not ended then go on by themselves.
fn begin(group: Vec<Work>, pace: &Pace) {
    let began = Instant::now();
    let mut before = began;
    for work in group {
        // Those before it took longer than was expected of them.
        if before - began > GROUP_TIME {
            tokio::spawn(work);
            continue;
        }
        // A panic is the end of one call, which answers that when it is dropped.
        let mut work = AssertUnwindSafe(work).catch_unwind();
        if (&mut work).now_or_never().is_none() {
            tokio::spawn(work);
        }
        let now = Instant::now();
        pace.took(now - before);
        before = now;
    }
}

/// How long calls take until they end or wait: an average over the last of them.
#[derive(Default)]
struct Pace {
    nanos: AtomicU64,
}

impl Pace {
    fn took(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let before = self.nanos.load(Ordering::Relaxed);
        // What two tasks add at once may be lost: nothing but the size of a group depends on it.
        let after = before - before / WEIGHT + nanos / WEIGHT;
        self.nanos.store(after, Ordering::Relaxed);
    }

    /// How many calls are worth a group's time.
    fn group(&self) -> usize {
        let nanos = u128::from(self.nanos.load(Ordering::Relaxed).max(1));
        let calls = GROUP_TIME.as_nanos() / nanos;
        usize::try_from(calls)
            .unwrap_or(GROUP_MAX)
            .clamp(1, GROUP_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const SHORT: Duration = Duration::from_micros(4);
    const LONG: Duration = Duration::from_millis(5);

    fn counting(counter: &Arc<AtomicUsize>) -> Work {
        let counter = counter.clone();
        Box::pin(async move {
            counter.fetch_add(1, Ordering::Relaxed);
        })
    }

    #[test]
    fn short_calls_share_a_task_and_long_ones_do_not() {
        let pace = Pace::default();
        (0..100).for_each(|_| pace.took(SHORT));
        assert!(pace.group() > 10, "{}", pace.group());
        (0..10).for_each(|_| pace.took(LONG));
        assert_eq!(pace.group(), 1);
        (0..100).for_each(|_| pace.took(SHORT));
        assert!(pace.group() > 10, "{}", pace.group());
    }

    #[tokio::test]
    async fn behind_a_call_that_takes_long_after_all_the_others_have_tasks_of_their_own() {
        let ended = Arc::new(AtomicUsize::new(0));
        let long: Work = Box::pin(async {
            let began = Instant::now();
            while began.elapsed() <= GROUP_TIME {
                std::hint::spin_loop();
            }
        });
        begin(vec![long, counting(&ended)], &Pace::default());
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        while ended.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_call_that_waits_or_panics_keeps_nobody_behind_it() {
        let (ended, waits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let waiting = counting(&waits);
        let waiting: Work = Box::pin(async move {
            let _ = gone.await;
            waiting.await;
        });
        let panics: Work = Box::pin(async { panic!("one call's end") });
        begin(vec![waiting, panics, counting(&ended)], &Pace::default());
        // In the group, or apart where the panic took its time.
        while ended.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(waits.load(Ordering::Relaxed), 0);
        go.send(()).unwrap();
        while waits.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }
}
