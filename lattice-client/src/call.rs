//! One call: one request, one reply, one deadline; frames only where streams or sizes need them.

use std::future::pending;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{HostId, ProcessId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, Subject};

use crate::cancel::UnderWay;
use crate::connect::Client;
use crate::headers;
use crate::mux::{Delivered, Ticket};
use crate::stream::{Asking, Reader, Streams};

/// How much longer than the deadline a caller waits: the callee ends the work at the deadline and
/// says so, and its word on whether anything was done is better than the caller's guess.
pub(crate) const REPLY_GRACE: Duration = Duration::from_millis(50);

/// A call to be made.
#[derive(Debug, Clone)]
pub struct Call {
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
}

/// What a call comes to.
#[derive(Debug, Default)]
pub struct Reply {
    /// The result.
    pub payload: Bytes,
    /// The streams that the result refers to, numbered from 1 on.
    pub streams: Vec<Reader>,
}

/// Whether a call had any answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Whoever was called answered, be it by an error.
    Answer,
    /// It was sent, and there was none; or the server says that nobody is there to answer.
    Nothing,
    /// It never left this process, or this process could hear nothing itself.
    Unknown,
}

impl From<Bytes> for Reply {
    fn from(payload: Bytes) -> Self {
        Self {
            payload,
            streams: Vec::new(),
        }
    }
}

impl Client {
    /// Calls whoever serves the target; dropping the future cancels the call.
    pub async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let subject = subject::call(&self.lattice, &call.target, &call.endpoint);
        // The server speaks for those who serve a target: it tells at once when there is nobody.
        self.request(subject, &call, Box::pin(pending())).await.1
    }

    /// Calls the target on one host, for as long as that is not `gone`: neither the call nor its streams
    /// outlive it. Says as well whether that host was heard: an error may be its answer or the want of one.
    pub async fn call_on(
        &self,
        host: &HostId,
        call: Call,
        gone: BoxFuture<'static, ()>,
    ) -> (Heard, Result<Reply, CallError>) {
        let subject = subject::host_call(&self.lattice, host, &call.target, &call.endpoint);
        self.request(subject, &call, gone).await
    }

    /// Calls the target on one process of a provider.
    pub async fn call_process(&self, process: &ProcessId, call: Call) -> Result<Reply, CallError> {
        let subject = subject::process_call(&self.lattice, process, &call.target, &call.endpoint);
        self.request(subject, &call, Box::pin(pending())).await.1
    }

    async fn request(
        &self,
        subject: Subject,
        call: &Call,
        mut gone: BoxFuture<'static, ()>,
    ) -> (Heard, Result<Reply, CallError>) {
        if !self.is_connected() {
            let message = format!(
                "failed to call {}: there is no connection to NATS",
                call.target
            );
            return unsent(ErrorCode::Unavailable, message);
        }
        let headers = headers::of_context(&call.context);
        let size = headers::size(&headers) + call.payload.len();
        if !call.streams.is_empty() || size > self.max_payload() {
            // A message over the server's limit would cost the whole connection. Boxed, as below: small calls,
            // which are most, carry no room for frames.
            return Box::pin(Asking::ask(self, subject, headers, call, gone)).await;
        }
        let Some(mut ticket) = self.mux.ticket() else {
            let message = "too many calls of this process wait for replies";
            return unsent(ErrorCode::Overloaded, message);
        };
        let sent = self.publish(subject, &ticket, headers, call).await;
        let patience = match sent {
            Ok(patience) => patience,
            Err(outcome) => return outcome,
        };
        let under_way = UnderWay::new(self, &call.target, call.context.id);
        let reply = tokio::select! {
            biased;
            reply = tokio::time::timeout(patience, ticket.reply()) => Some(reply),
            () = &mut gone => None,
        };
        // Nobody is told of a call that its host took with it: the word would reach the next try.
        under_way.settled();
        match reply {
            Some(Ok(Some(reply))) if reply.more.is_some() => {
                let result = Box::pin(Asking::go_on(self, ticket, reply, call, gone));
                (Heard::Answer, result.await)
            }
            Some(Ok(Some(Delivered { message, .. }))) => {
                (heard(&message), plain_reply(&call.target, message))
            }
            // The end of this process's connection is no silence of who was called.
            Some(Ok(None)) => {
                let message = "the connection to NATS was closed";
                (Heard::Unknown, begun(ErrorCode::Unavailable, message))
            }
            Some(Err(_)) => self.silence(call),
            None => {
                let message = format!("the host that served {} is gone", call.target);
                (Heard::Nothing, begun(ErrorCode::Unavailable, message))
            }
        }
    }

    /// Sends a request that fits one message, and says how long its reply may take from now.
    async fn publish(
        &self,
        subject: Subject,
        ticket: &Ticket,
        headers: HeaderMap,
        call: &Call,
    ) -> Result<Duration, Outcome> {
        let published = self.nats.publish_with_reply_and_headers(
            subject.into_string(),
            ticket.subject(),
            headers,
            call.payload.clone(),
        );
        let patience = call.context.remaining + REPLY_GRACE;
        let begun = Instant::now();
        // Without a connection a message waits for one: not longer than its own time.
        match tokio::time::timeout(patience, published).await {
            Ok(Ok(())) => Ok(patience.saturating_sub(begun.elapsed())),
            Ok(Err(error)) => Err(not_sent(error)),
            Err(_) => Err(not_sent("there was no connection to NATS in time")),
        }
    }

    fn silence(&self, call: &Call) -> Outcome {
        let message = format!("{} did not answer in time", call.target);
        let heard = match self.is_connected() {
            true => Heard::Nothing,
            false => Heard::Unknown,
        };
        (heard, begun(ErrorCode::Deadline, message))
    }
}

/// Whether a reply is of whoever was called, or the server's word that nobody is there.
pub(crate) fn heard(reply: &Message) -> Heard {
    match reply.status {
        Some(StatusCode::NO_RESPONDERS) => Heard::Nothing,
        _ => Heard::Answer,
    }
}

/// What a reply says that is one message.
pub(crate) fn plain_reply(target: &TargetName, reply: Message) -> Result<Reply, CallError> {
    if reply.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(CallError::refused(
            ErrorCode::Unavailable,
            format!("nobody answers for {target}: it does not run, or is not declared"),
        ));
    }
    match headers::error(reply.headers.as_ref()) {
        Some(error) => Err(error),
        None => Ok(reply.payload.into()),
    }
}

type Outcome = (Heard, Result<Reply, CallError>);

fn begun(code: ErrorCode, message: impl Into<String>) -> Result<Reply, CallError> {
    Err(CallError::begun(code, message))
}

fn unsent(code: ErrorCode, message: impl Into<String>) -> Outcome {
    (Heard::Unknown, Err(CallError::refused(code, message)))
}

fn not_sent(reason: impl std::fmt::Display) -> Outcome {
    let message = format!("failed to send the call: {reason}");
    unsent(ErrorCode::Unavailable, message)
}
