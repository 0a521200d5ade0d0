//! Calls coming in.
//!
//! What reaches the caller of [`Serving::next`] is well formed; what is not was answered here.

use std::time::Instant;

use async_nats::Message;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::Frame;
use lattice_protocol::id::{HostId, LatticeId, ProcessId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, QUEUE_GROUP, Route, Subject};
use tokio_util::task::AbortOnDropHandle;

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
    /// Listens to callers that go away; ends with this.
    _cancels: Option<AbortOnDropHandle<()>>,
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
        let calls = Inflow::new(self.clone(), &subject, calls);
        let subject = subject::cancel(&self.lattice, target).into_string();
        let words = self
            .nats
            .subscribe(subject.clone())
            .await
            .map_err(|error| ServeError {
                subject,
                reason: error.to_string(),
            })?;
        let listening = tokio::spawn(self.cancels.clone().listen(words));
        Ok(Serving {
            client: self.clone(),
            calls,
            opening: FuturesUnordered::new(),
            _cancels: Some(AbortOnDropHandle::new(listening)),
        })
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
        let subject = subject.into_string();
        let calls = self
            .nats
            .subscribe(subject.clone())
            .await
            .map_err(|error| ServeError {
                subject: subject.clone(),
                reason: error.to_string(),
            })?;
        Ok(Serving {
            client: self.clone(),
            calls: Inflow::new(self.clone(), &subject, calls),
            opening: FuturesUnordered::new(),
            _cancels: None,
        })
    }
}

impl Serving {
    /// The next call; `None` after a drain, when all that had come was handed out.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            let message = if self.opening.is_empty() {
                self.calls.next().await?
            } else {
                tokio::select! {
                    Some(opened) = self.opening.next() => match opened {
                        Some(incoming) => return Some(incoming),
                        None => continue,
                    },
                    message = self.calls.next() => match message {
                        Some(message) => message,
                        None => return self.last_opening().await,
                    },
                }
            };
            if let Some(incoming) = self.take(message).await {
                return Some(incoming);
            }
        }
    }

    /// No more calls come: those whose payload is on its way.
    async fn last_opening(&mut self) -> Option<Incoming> {
        while let Some(opened) = self.opening.next().await {
            if opened.is_some() {
                return opened;
            }
        }
        None
    }

    /// A call that is well formed and whole; what is not is answered, or waited for.
    async fn take(&mut self, message: Message) -> Option<Incoming> {
        let mut responder = Responder::to(self.client.clone(), message.reply.clone());
        let frame = frame_of(&message);
        let (target, endpoint, context, payload) = match read(&self.client.lattice, &message) {
            Ok(parts) => parts,
            Err(error) => {
                responder.refuse(error).await;
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
                self.open(frame, &message, incoming).await;
                None
            }
        }
    }

    /// Takes a call that came with frames: it is handed out once its payload is whole.
    async fn open(
        &mut self,
        frame: Result<Frame, CallError>,
        message: &Message,
        mut incoming: Incoming,
    ) {
        let accepted = match frame {
            Ok(_) if self.opening.len() >= OPENING_MAX => Err(CallError::refused(
                ErrorCode::Overloaded,
                "too many calls have payloads that are still coming",
            )),
            Ok(frame) => incoming.responder.accept(frame, message),
            Err(error) => Err(error),
        };
        match accepted {
            Err(error) => incoming.responder.refuse(error).await,
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
