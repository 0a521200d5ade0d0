//! One inbox for all replies of a process.
//!
//! Each request gets a subject of its own under the inbox; whoever waits is found by the number at
//! its end. A request that is given up takes its place with it, so nothing is left behind by
//! replies that never come. A reply that is a frame keeps its place for those that follow. The end of a
//! channel that asks after one which has no place any more is told so: the last word to it may be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_nats::{Message, Subject};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use lattice_protocol::call::header;
use lattice_protocol::frame::{FRAME_COST_MIN, Kind, STREAMS_MAX, WINDOW_BYTES};
use tokio::sync::{mpsc, oneshot};

use crate::headers;
use crate::stream::{frame_of, over};

/// How many requests may wait for replies at once: far more than a process can serve, small enough
/// that their bookkeeping stays in a few MiB.
const PENDING_MAX: usize = 65_536;

/// How many frames of one channel may wait: all that the other end has credit for, each as small as
/// can be, and as many words about them. Whoever sends more breaks the channel.
const FRAMES_MAX: usize = 2 * (STREAMS_MAX as usize + 1) * (WINDOW_BYTES / FRAME_COST_MIN);

pub(crate) struct Mux {
    inbox: String,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    last: u64,
    waiting: HashMap<u64, Waiting>,
}

/// What is done with messages to a place.
enum Waiting {
    /// The first is the reply, and the last unless it is a frame.
    Reply(oneshot::Sender<Delivered>),
    /// All are frames of a channel.
    Frames(mpsc::Sender<Message>),
}

/// A reply, and what follows it if it is a frame.
pub(crate) struct Delivered {
    pub(crate) message: Message,
    pub(crate) more: Option<mpsc::Receiver<Message>>,
}

/// A place in the inbox; dropping it gives it up.
struct Place {
    mux: Arc<Mux>,
    number: u64,
}

/// A request's place in the inbox.
pub(crate) struct Ticket {
    place: Place,
    reply: oneshot::Receiver<Delivered>,
}

/// A channel's place in the inbox.
pub(crate) struct Frames {
    place: Place,
    messages: mpsc::Receiver<Message>,
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
        let nats = nats.clone();
        tokio::spawn(async move {
            while let Some(message) = replies.next().await {
                let Some(mux) = weak.upgrade() else { break };
                if let Some(asker) = mux.deliver(message) {
                    let told =
                        nats.publish_with_headers(asker, headers::of_error(&over()), Bytes::new());
                    // Replies don't wait for it: who isn't told asks again.
                    let _ = told.now_or_never();
                }
            }
            // Nothing comes any more: whoever waits hears so now, not at its deadline.
            if let Some(mux) = weak.upgrade() {
                mux.lock().waiting.clear();
            }
        });
        Ok(mux)
    }

    /// A place for one reply; `None` when too many wait already.
    pub(crate) fn ticket(self: &Arc<Self>) -> Option<Ticket> {
        let (sender, reply) = oneshot::channel();
        let place = self.place(Waiting::Reply(sender))?;
        Some(Ticket { place, reply })
    }

    /// A place for frames; `None` when too many wait already.
    pub(crate) fn frames(self: &Arc<Self>) -> Option<Frames> {
        let (sender, messages) = mpsc::channel(FRAMES_MAX);
        let place = self.place(Waiting::Frames(sender))?;
        Some(Frames { place, messages })
    }

    fn place(self: &Arc<Self>, waiting: Waiting) -> Option<Place> {
        let mut pending = self.lock();
        if pending.waiting.len() >= PENDING_MAX {
            return None;
        }
        pending.last += 1;
        let number = pending.last;
        pending.waiting.insert(number, waiting);
        drop(pending);
        Some(Place {
            mux: self.clone(),
            number,
        })
    }

    /// Hands a message to whoever waits for it; answers who asks after a channel that is over.
    fn deliver(&self, message: Message) -> Option<Subject> {
        let tail = message.subject.strip_prefix(self.inbox.as_str())?;
        let number = tail.parse().ok()?;
        let mut pending = self.lock();
        match pending.waiting.remove(&number) {
            Some(Waiting::Reply(sender)) => {
                let more = is_frame(&message).then(|| {
                    let (sender, more) = mpsc::channel(FRAMES_MAX);
                    pending.waiting.insert(number, Waiting::Frames(sender));
                    more
                });
                drop(pending);
                // The waiter may have gone between the removal and here: nobody wants it then.
                let _ = sender.send(Delivered { message, more });
            }
            Some(Waiting::Frames(sender)) => {
                // One that finds no room is lost, and the numbers of those after it tell.
                let _ = sender.try_send(message);
                pending.waiting.insert(number, Waiting::Frames(sender));
            }
            None => {
                drop(pending);
                let frame = frame_of(&message)?.ok()?;
                return message.reply.filter(|_| frame.kind == Kind::Here);
            }
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // Nothing panics under this lock; if it did, the map would still be whole.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_frame(message: &Message) -> bool {
    let headers = message.headers.as_ref();
    headers.is_some_and(|headers| headers.get(header::FRAME).is_some())
}

impl Ticket {
    /// The subject for the reply.
    pub(crate) fn subject(&self) -> String {
        self.place.subject()
    }

    /// The reply; `None` when the connection was closed.
    pub(crate) async fn reply(&mut self) -> Option<Delivered> {
        (&mut self.reply).await.ok()
    }

    /// Keeps the place for what follows a reply that is a frame.
    pub(crate) fn into_frames(self, more: mpsc::Receiver<Message>) -> Frames {
        Frames {
            place: self.place,
            messages: more,
        }
    }
}

impl Frames {
    /// The subject for frames.
    pub(crate) fn subject(&self) -> String {
        self.place.subject()
    }

    /// The next frame; `None` when the connection was closed.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.messages.poll_recv(cx)
    }
}

impl Place {
    fn subject(&self) -> String {
        format!("{}{}", self.mux.inbox, self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.mux.lock().waiting.remove(&self.number);
    }
}
