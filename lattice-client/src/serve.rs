//! Calls coming in.
//!
//! What reaches the caller of [`Serving::next`] is well formed; what is not was answered here.

use std::future::poll_fn;
use std::task::{self, Poll, ready};
use std::time::Instant;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::Frame;
use lattice_protocol::id::{HostId, LatticeId, ProcessId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, QUEUE_GROUP, Route, Subject};
use tokio_util::task::AbortOnDropHandle;

use crate::cancel::Served;
use crate::connect::Client;
use crate::headers;
use crate::inflow::Inflow;
use crate::respond::Responder;
use crate::stream::{Opened, Streams, frame_of};

/// How many calls of one subscription may have payloads that are still coming.
const OPENING_MAX: usize = 1_024;

/// A subscription that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to subscribe to {subject}: {reason}")]
pub struct ServeError {
    pub(crate) subject: String,
    pub(crate) reason: String,
}

/// Calls to one target or one host, one by one.
pub struct Serving {
    client: Client,
    calls: Inflow,
    /// Calls whose payload is still coming; none for one whose payload didn't come.
    opening: FuturesUnordered<BoxFuture<'static, Option<Incoming>>>,
    /// The answer to one that can't be taken: it leaves before the next is read.
    refusing: Option<BoxFuture<'static, ()>>,
    /// Hears callers that go away; ends with this.
    _cancels: Option<(Served, Option<AbortOnDropHandle<()>>)>,
}

/// One call that wants an answer.
pub struct Incoming {
    /// Who is called.
    pub target: TargetName,
    /// What is called.
    pub endpoint: Endpoint,
    /// Deadline, trace, origin.
    pub context: Context,
    /// The arguments.
    pub payload: Bytes,
    /// The streams that the arguments refer to.
    pub streams: Streams,
    /// When it came: the time it waited since counts against its deadline.
    pub received: Instant,
    /// The way back.
    pub responder: Responder,
}

impl Client {
    /// Serves a target together with everybody else who does: each call reaches one of them.
    pub async fn serve(&self, target: &TargetName) -> Result<Serving, ServeError> {
        let subject = subject::calls_to(&self.lattice, target).into_string();
        let calls = self
            .nats
            .queue_subscribe(subject.clone(), QUEUE_GROUP.to_owned())
            .await
            .map_err(|error| ServeError {
                subject: subject.clone(),
                reason: error.to_string(),
            })?;
        let mut serving = Serving::of(self.clone(), &subject, calls);
        serving._cancels = Some(self.hear_cancels_of(target).await?);
        Ok(serving)
    }

    /// Serves the calls that peers route to this host.
    pub async fn serve_host(&self, host: &HostId) -> Result<Serving, ServeError> {
        self.serve_alone(subject::host_calls(&self.lattice, host))
            .await
    }

    /// Serves the calls to this process of a provider.
    pub async fn serve_process(&self, process: &ProcessId) -> Result<Serving, ServeError> {
        self.serve_alone(subject::process_calls(&self.lattice, process))
            .await
    }

    async fn serve_alone(&self, subject: Subject) -> Result<Serving, ServeError> {
        let calls = self.subscribed(subject.clone()).await?;
        Ok(Serving::of(self.clone(), subject.as_str(), calls))
    }

    pub(crate) async fn subscribed(&self, subject: Subject) -> Result<Subscriber, ServeError> {
        let subject = subject.into_string();
        let subscribed = self.nats.subscribe(subject.clone()).await;
        subscribed.map_err(|error| ServeError {
            subject,
            reason: error.to_string(),
        })
    }
}

impl Serving {
    fn of(client: Client, pattern: &str, calls: Subscriber) -> Self {
        Self {
            calls: Inflow::new(client.clone(), pattern, calls),
            client,
            opening: FuturesUnordered::new(),
            refusing: None,
            _cancels: None,
        }
    }

    /// The next call; `None` after a drain, when all that had come was handed out.
    pub async fn next(&mut self) -> Option<Incoming> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for whoever keeps no future: thousands of targets wait in one process.
    pub fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                ready!(refusing.poll_unpin(cx));
                self.refusing = None;
            }
            // None when nothing is opening, which is no end.
            if let Poll::Ready(Some(opened)) = self.opening.poll_next_unpin(cx) {
                match opened {
                    Some(incoming) => return Poll::Ready(Some(incoming)),
                    None => continue,
                }
            }
            match self.calls.poll_next(cx) {
                Poll::Ready(Some(message)) => {
                    if let Some(incoming) = self.take(message) {
                        return Poll::Ready(Some(incoming));
                    }
                }
                // No more calls come; the payloads of some may be on their way.
                Poll::Ready(None) if self.opening.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// A call that is well formed and whole; what is not is answered, or waited for.
    fn take(&mut self, message: Message) -> Option<Incoming> {
        let mut responder = Responder::to(self.client.clone(), message.reply.clone());
        let frame = frame_of(&message);
        let (target, endpoint, context, payload) = match read(&self.client.lattice, &message) {
            Ok(parts) => parts,
            Err(error) => {
                self.refuse(responder, error);
                return None;
            }
        };
        responder.follow(&context);
        let incoming = Incoming {
            target,
            endpoint,
            context,
            payload,
            streams: Streams::default(),
            received: Instant::now(),
            responder,
        };
        match frame {
            None => Some(incoming),
            Some(frame) => {
                self.open(frame, &message, incoming);
                None
            }
        }
    }

    fn refuse(&mut self, responder: Responder, error: CallError) {
        self.refusing = Some(Box::pin(responder.refuse(error)));
    }

    /// Takes a call that came with frames: it is handed out once its payload is whole.
    fn open(&mut self, frame: Result<Frame, CallError>, message: &Message, mut incoming: Incoming) {
        let accepted = match frame {
            Ok(_) if self.opening.len() >= OPENING_MAX => Err(CallError::refused(
                ErrorCode::Overloaded,
                "too many calls have payloads that are still coming",
            )),
            Ok(frame) => incoming.responder.accept(frame, message),
            Err(error) => Err(error),
        };
        match accepted {
            Err(error) => self.refuse(incoming.responder, error),
            Ok(opened) => self.opening.push(Box::pin(async move {
                match opened.await {
                    Ok(Ok(Opened { payload, streams })) => {
                        incoming.payload = payload;
                        incoming.streams = streams;
                        Some(incoming)
                    }
                    Ok(Err(error)) => {
                        incoming.responder.refuse(error).await;
                        None
                    }
                    Err(_) => None,
                }
            })),
        }
    }

    /// Takes no more calls: those that have come are still handed out, then `next` ends.
    pub async fn drain(&mut self) {
        self.calls.leave().await;
    }
}

type Parts = (TargetName, Endpoint, Context, Bytes);

fn read(lattice: &LatticeId, message: &Message) -> Result<Parts, CallError> {
    let bad = |reason: String| CallError::refused(ErrorCode::BadRequest, reason);
    let route = subject::parse(lattice, &message.subject).map_err(|e| bad(e.to_string()))?;
    let Route::Call {
        target,
        interface,
        function,
        ..
    } = route
    else {
        return Err(bad(format!("{} is not a call", message.subject)));
    };
    let endpoint = Endpoint {
        interface: interface
            .map(str::parse)
            .transpose()
            .map_err(|e| bad(format!("{e}")))?,
        function: function.parse().map_err(|e| bad(format!("{e}")))?,
    };
    let target = target.parse().map_err(|e| bad(format!("{e}")))?;
    let context = headers::context(message.headers.as_ref())?;
    Ok((target, endpoint, context, message.payload.clone()))
}
