//! One inbox for all replies of a process.
//!
//! Each request gets a subject of its own under the inbox; whoever waits is found by the number at
//! its end. A request that is given up takes its place with it, so nothing is left behind by
//! replies that never come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::Message;
use futures_util::StreamExt as _;
use tokio::sync::oneshot;

/// How many requests may wait for replies at once: far more than a process can serve, small enough
/// that their bookkeeping stays in a few MiB.
const PENDING_MAX: usize = 65_536;

pub(crate) struct Mux {
    inbox: String,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Message>>,
}

/// A request's place in the inbox; dropping it gives the place up.
pub(crate) struct Ticket {
    mux: Arc<Mux>,
    number: u64,
    reply: oneshot::Receiver<Message>,
}

impl Mux {
    /// Subscribes to the inbox and hands replies out until the connection is closed.
    pub(crate) async fn open(nats: &async_nats::Client, inbox: &str) -> Result<Arc<Self>, String> {
        let mut replies = nats
            .subscribe(format!("{inbox}.r.*"))
            .await
            .map_err(|error| error.to_string())?;
        let mux = Arc::new(Self {
            inbox: format!("{inbox}.r."),
            pending: Mutex::default(),
        });
        // The task holds no strong reference: it ends when the connection does, or with the client.
        let weak = Arc::downgrade(&mux);
        tokio::spawn(async move {
            while let Some(message) = replies.next().await {
                let Some(mux) = weak.upgrade() else { break };
                mux.deliver(message);
            }
        });
        Ok(mux)
    }

    /// A place for one reply; `None` when too many wait already.
    pub(crate) fn ticket(self: &Arc<Self>) -> Option<Ticket> {
        let (sender, reply) = oneshot::channel();
        let mut pending = self.lock();
        if pending.waiting.len() >= PENDING_MAX {
            return None;
        }
        pending.last += 1;
        let number = pending.last;
        pending.waiting.insert(number, sender);
        drop(pending);
        Some(Ticket {
            mux: self.clone(),
            number,
            reply,
        })
    }

    fn deliver(&self, message: Message) {
        let number = message
            .subject
            .strip_prefix(self.inbox.as_str())
            .and_then(|tail| tail.parse().ok());
        let sender = number.and_then(|n: u64| self.lock().waiting.remove(&n));
        if let Some(sender) = sender {
            // The waiter may have gone between the removal and here: nobody wants it then.
            let _ = sender.send(message);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // Nothing panics under this lock; if it did, the map would still be whole.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The subject for the reply.
    pub(crate) fn subject(&self) -> String {
        format!("{}{}", self.mux.inbox, self.number)
    }

    /// The reply; `None` when the connection was closed.
    pub(crate) async fn reply(&mut self) -> Option<Message> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.mux.lock().waiting.remove(&self.number);
    }
}
