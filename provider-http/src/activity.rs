//! What a connection is doing, and when it has done too little for too long.
//!
//! A connection is over
//! - when for `idle_timeout_ms` no request came, none waited for its actor, and less than
//!   [`RATE_MIN`] was taken of the responses. That one rule bounds keep-alive, half a request that
//!   nobody goes on with, and clients that don't read on;
//! - when a request's head took longer than `header_timeout_ms` from its first byte on (HTTP/1; in
//!   HTTP/2 a head that doesn't end falls under the rule above);
//! - when its client took back most of many requests: each costs an actor's time, and no honest
//!   client does that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Limits;
use crate::turn::Turn;

/// The least pace of a client that reads, in bytes a second: a response isn't held open for one
/// that takes a byte now and then. The slowest modems were ten times as fast.
pub(crate) const RATE_MIN: u64 = 240;
/// How many times an idle period is looked at before it counts.
const LAPS: u32 = 4;
/// Requests that one connection may take back before they are weighed against the answered ones: a
/// browser that leaves a page takes back dozens.
const TAKEN_BACK_MAX: u64 = 500;

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    begun: AtomicU64,
    ended: AtomicU64,
    taken_back: AtomicU64,
    /// Requests that wait for their actor and not for their client.
    working: AtomicU64,
    /// Bytes that the client's side took.
    written: AtomicU64,
    /// When the head that is being read began, in milliseconds after `opened` and one; 0 for none.
    head: AtomicU64,
    flooded: Notify,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Idle,
    SlowHead,
    Flooded,
}

/// A request, from its head to the last byte of its response.
#[derive(Debug)]
pub(crate) struct Exchange {
    activity: Arc<Activity>,
    /// The HTTP/2 stream that it is on.
    stream: Option<Arc<Turn>>,
    waits_for_client: bool,
    answered: bool,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            opened: Instant::now(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            taken_back: AtomicU64::new(0),
            working: AtomicU64::new(0),
            written: AtomicU64::new(0),
            head: AtomicU64::new(0),
            flooded: Notify::new(),
        }
    }

    /// A request came.
    pub(crate) fn begin(self: &Arc<Self>, stream: Option<Arc<Turn>>) -> Exchange {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.working.fetch_add(1, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
        Exchange {
            activity: self.clone(),
            stream,
            waits_for_client: false,
            answered: false,
        }
    }

    /// The client's side took so many bytes.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes came that belong to a head of HTTP/1, unless a request is in flight.
    pub(crate) fn read_of_head(&self) {
        let in_flight = self.begun.load(Ordering::Relaxed) != self.ended.load(Ordering::Relaxed);
        if !in_flight && self.head.load(Ordering::Relaxed) == 0 {
            self.head.store(self.now(), Ordering::Relaxed);
        }
    }

    /// What came was no head of HTTP/1 after all.
    pub(crate) fn no_head(&self) {
        self.head.store(0, Ordering::Relaxed);
    }

    /// Returns when the connection is over.
    pub(crate) async fn over(&self, limits: &Limits) -> Over {
        tokio::select! {
            () = self.flooded.notified() => Over::Flooded,
            over = self.too_slow(limits.idle_timeout, limits.header_timeout) => over,
        }
    }

    /// Returns when nothing happened for `timeout`.
    pub(crate) async fn idle(&self, timeout: Duration) {
        self.too_slow(timeout, Duration::MAX).await;
    }

    async fn too_slow(&self, idle: Duration, head: Duration) -> Over {
        let lap = (idle / LAPS).min(head);
        let mut seen = self.seen();
        let mut quiet = Duration::ZERO;
        loop {
            tokio::time::sleep(self.head_left(head).unwrap_or(lap).min(lap)).await;
            if self.head_left(head) == Some(Duration::ZERO) {
                return Over::SlowHead;
            }
            let now = self.seen();
            let least = (now.at - seen.at).as_secs_f64() * RATE_MIN as f64;
            let is_quiet = (now.begun, now.ended) == (seen.begun, seen.ended)
                && self.working.load(Ordering::Relaxed) == 0
                && ((now.written - seen.written) as f64) < least;
            quiet = if is_quiet {
                quiet + (now.at - seen.at)
            } else {
                Duration::ZERO
            };
            seen = now;
            if quiet >= idle {
                return Over::Idle;
            }
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            at: Instant::now(),
            begun: self.begun.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed),
        }
    }

    /// How long the head that is being read may still take.
    fn head_left(&self, timeout: Duration) -> Option<Duration> {
        let began = self.head.load(Ordering::Relaxed).checked_sub(1)?;
        let taken = (self.now() - 1).saturating_sub(began);
        Some(timeout.saturating_sub(Duration::from_millis(taken)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn gone(&self, answered: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if answered {
            return;
        }
        let taken_back = self.taken_back.fetch_add(1, Ordering::Relaxed) + 1;
        let begun = self.begun.load(Ordering::Relaxed);
        if taken_back > TAKEN_BACK_MAX && taken_back > begun / 2 {
            self.flooded.notify_one();
        }
    }
}

#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    begun: u64,
    ended: u64,
    written: u64,
}

impl Exchange {
    /// The response has begun: from now on its client has the turn, unless told otherwise.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
        self.wait_for_client();
    }

    /// The client has to take something now.
    pub(crate) fn wait_for_client(&mut self) {
        if !std::mem::replace(&mut self.waits_for_client, true) {
            self.activity.working.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(stream) = &self.stream {
            stream.clients();
        }
    }

    /// The actor has to give something now.
    pub(crate) fn wait_for_actor(&mut self) {
        if std::mem::replace(&mut self.waits_for_client, false) {
            self.activity.working.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(stream) = &self.stream {
            stream.ours();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.waits_for_client {
            self.activity.working.fetch_sub(1, Ordering::Relaxed);
        }
        self.activity.gone(self.answered);
    }
}

#[cfg(test)]
#[path = "activity_test.rs"]
mod tests;
