//! A subscription that can be left without losing a message.
//!
//! The client library forgets a subscription as soon as it has written the word to the server, and
//! drops what the server sent before it read that: with calls coming in, a drained subscription
//! loses some of them. A subscription that was told to end after so many messages ends on both sides
//! at the same one, and loses none. So one is left by count, a little ahead of what has come; what
//! is missing to the count is filled up with empty messages, which nobody answers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::connect::Client;

/// How far ahead of what has come the end is set at least: the server may have sent as many that
/// are still on the way.
const AHEAD_MIN: u64 = 64;
/// How long it may take to come to the end: where hundreds share a subject, most of what fills up
/// goes to others. Past it the subscription is cut off.
const LEAVE_TIME: Duration = Duration::from_secs(2);
/// The last word of a subject that names nothing.
const NOTHING: &str = "-";

/// Messages coming in, one by one.
pub(crate) struct Inflow {
    client: Client,
    /// A subject that reaches this subscription, and means nothing.
    filler: String,
    messages: Subscriber,
    received: u64,
    /// What came while it was being left.
    kept: VecDeque<Message>,
}

impl Inflow {
    /// Takes over a subscription to `pattern`, which ends in `>`.
    pub(crate) fn new(client: Client, pattern: &str, messages: Subscriber) -> Self {
        Self {
            client,
            filler: format!("{}{NOTHING}", pattern.trim_end_matches('>')),
            messages,
            received: 0,
            kept: VecDeque::new(),
        }
    }

    /// The next message; `None` once it was left and all that had come was handed out.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for whoever keeps no future.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Some(message) = self.kept.pop_front() {
            return Poll::Ready(Some(message));
        }
        loop {
            let Some(message) = ready!(self.messages.poll_next_unpin(cx)) else {
                return Poll::Ready(None);
            };
            self.received += 1;
            // Another one of this subject may be leaving it.
            if !self.is_filler(&message) {
                return Poll::Ready(Some(message));
            }
        }
    }

    /// Leaves the subscription; what has come or is on the way still comes from [`Inflow::next`].
    pub(crate) async fn leave(&mut self) {
        if !(self.client.is_connected() && self.left_by_count().await)
            && let Err(error) = self.messages.unsubscribe().await
        {
            // The connection is gone, and the subscription with it.
            tracing::debug!(%error, "unsubscribe failed");
        }
    }

    async fn left_by_count(&mut self) -> bool {
        let began = Instant::now();
        self.keep();
        let before = self.received;
        self.client.settle().await;
        self.keep();
        // As many again may be on the way as came during one round trip, and one more as a reserve.
        let last = self.received + AHEAD_MIN + 2 * (self.received - before);
        if self.messages.unsubscribe_after(last).await.is_err() {
            return false;
        }
        while began.elapsed() < LEAVE_TIME {
            for _ in 0..last.saturating_sub(self.received).max(1) {
                let filler = self.filler.clone();
                if self
                    .client
                    .nats
                    .publish(filler, Bytes::new())
                    .await
                    .is_err()
                {
                    return false;
                }
            }
            self.client.settle().await;
            if self.keep() {
                return true;
            }
        }
        false
    }

    /// Keeps what has come; true when that was the last.
    fn keep(&mut self) -> bool {
        while let Some(message) = self.messages.next().now_or_never() {
            let Some(message) = message else { return true };
            self.received += 1;
            if !self.is_filler(&message) {
                self.kept.push_back(message);
            }
        }
        false
    }

    fn is_filler(&self, message: &Message) -> bool {
        *message.subject == *self.filler
    }
}
