//! Calls coming in.
//!
//! What reaches the caller of [`Serving::next`] is well formed; what is not was answered here.

use std::time::Instant;

use async_nats::Message;
use bytes::Bytes;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{HostId, LatticeId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, QUEUE_GROUP, Route};
use tokio_util::task::AbortOnDropHandle;

use crate::cancel::Cancellable;
use crate::connect::Client;
use crate::headers;
use crate::inflow::Inflow;

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
    /// When it came: the time it waited since counts against its deadline.
    pub received: Instant,
    /// The way back.
    pub responder: Responder,
}

/// The way back to a caller. One that is dropped unused answers `internal`: no call ends in silence.
pub struct Responder {
    client: Client,
    reply: Option<async_nats::Subject>,
    /// Absent for what was not well formed: it is answered before anybody could cancel it.
    cancellable: Option<Cancellable>,
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
            _cancels: Some(AbortOnDropHandle::new(listening)),
        })
    }

    /// Serves the calls that peers route to this host.
    pub async fn serve_host(&self, host: &HostId) -> Result<Serving, ServeError> {
        let subject = subject::host_calls(&self.lattice, host).into_string();
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
            _cancels: None,
        })
    }
}

impl Serving {
    /// The next call; `None` after a drain, when all that had come was handed out.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            let message = self.calls.next().await?;
            let mut responder = Responder {
                client: self.client.clone(),
                reply: message.reply.clone(),
                cancellable: None,
            };
            match read(&self.client.lattice, message) {
                Ok((target, endpoint, context, payload)) => {
                    let received = Instant::now();
                    responder.cancellable = Some(self.client.cancels.enlist(context.id));
                    return Some(Incoming {
                        target,
                        endpoint,
                        context,
                        payload,
                        received,
                        responder,
                    });
                }
                Err(error) => responder.reply(Err(error)).await,
            }
        }
    }

    /// Takes no more calls: those that have come are still handed out, then `next` ends.
    pub async fn drain(&mut self) {
        self.calls.leave().await;
    }
}

type Parts = (TargetName, Endpoint, Context, Bytes);

fn read(lattice: &LatticeId, message: Message) -> Result<Parts, CallError> {
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
    Ok((target, endpoint, context, message.payload))
}

impl Responder {
    /// Answers the call with what `work` comes to, unless the caller goes away before: then the
    /// work is dropped where it is.
    pub async fn answer(mut self, work: impl Future<Output = Result<Bytes, CallError>>) {
        let Some(cancellable) = self.cancellable.take() else {
            return self.reply(work.await).await;
        };
        tokio::select! {
            result = work => self.reply(result).await,
            // Whoever is left hears it: a repetition that came under the id of what was cancelled.
            () = cancellable.cancelled() => {
                let gone = CallError::begun(ErrorCode::Cancelled, "the caller went away");
                self.reply(Err(gone)).await;
            }
        }
    }

    /// Answers the call.
    pub async fn reply(mut self, result: Result<Bytes, CallError>) {
        if let Some(reply) = self.reply.take() {
            send(&self.client, reply, result).await;
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let Some(reply) = self.reply.take() else {
            return;
        };
        let client = self.client.clone();
        let error = CallError::begun(ErrorCode::Internal, "the call was dropped unanswered");
        // Outside a runtime the process is at its end, and its connection tells the caller.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { send(&client, reply, Err(error)).await });
        }
    }
}

async fn send(client: &Client, reply: async_nats::Subject, result: Result<Bytes, CallError>) {
    let max = client.max_payload();
    let result = match result {
        Ok(payload) if payload.len() > max => Err(CallError::begun(
            ErrorCode::TooLarge,
            format!(
                "the result has {} bytes and the NATS server takes {max}",
                payload.len()
            ),
        )),
        result => result,
    };
    let sent = match result {
        Ok(payload) => client.nats.publish(reply, payload).await,
        Err(error) => {
            let headers = headers::of_error(&error);
            client
                .nats
                .publish_with_headers(reply, headers, Bytes::new())
                .await
        }
    };
    if let Err(error) = sent {
        tracing::warn!(%error, "a reply could not be sent");
    }
}
