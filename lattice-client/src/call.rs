//! One call: one request, one reply, one deadline; frames only where streams or sizes need them.

use std::future::pending;
use std::time::{Duration, Instant};

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{HostId, ProcessId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::subject::{self, Subject};

use crate::cancel::UnderWay;
use crate::connect::Client;
use crate::headers;
use crate::mux::Delivered;
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
        self.request(subject, &call, pending()).await
    }

    /// Calls the target on one host, for as long as that is not `gone`: neither the call nor its streams
    /// outlive it.
    pub async fn call_on(
        &self,
        host: &HostId,
        call: Call,
        gone: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Reply, CallError> {
        let subject = subject::host_call(&self.lattice, host, &call.target, &call.endpoint);
        self.request(subject, &call, gone).await
    }

    /// Calls the target on one process of a provider.
    pub async fn call_process(&self, process: &ProcessId, call: Call) -> Result<Reply, CallError> {
        let subject = subject::process_call(&self.lattice, process, &call.target, &call.endpoint);
        self.request(subject, &call, pending()).await
    }

    async fn request(
        &self,
        subject: Subject,
        call: &Call,
        gone: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Reply, CallError> {
        if !self.is_connected() {
            return Err(CallError::refused(
                ErrorCode::Unavailable,
                format!(
                    "failed to call {}: there is no connection to NATS",
                    call.target
                ),
            ));
        }
        let headers = headers::of_context(&call.context);
        let mut gone = Box::pin(gone);
        let size = headers::size(&headers) + call.payload.len();
        if !call.streams.is_empty() || size > self.max_payload() {
            // A message over the server's limit would cost the whole connection.
            return Asking::ask(self, subject, headers, call, gone).await;
        }
        let Some(mut ticket) = self.mux.ticket() else {
            let message = "too many calls of this process wait for replies";
            return Err(CallError::refused(ErrorCode::Overloaded, message));
        };
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
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(unsent(error)),
            Err(_) => return Err(unsent("there was no connection to NATS in time")),
        }
        let under_way = UnderWay::new(self, &call.target, call.context.id);
        let patience = patience.saturating_sub(begun.elapsed());
        let reply = tokio::select! {
            biased;
            reply = tokio::time::timeout(patience, ticket.reply()) => Some(reply),
            () = &mut gone => None,
        };
        // Nobody is told of a call that its host took with it: the word would reach the next try.
        under_way.settled();
        let Some(reply) = reply else {
            let message = format!("the host that served {} is gone", call.target);
            return Err(CallError::begun(ErrorCode::Unavailable, message));
        };
        match reply {
            Ok(Some(Delivered {
                message,
                more: None,
            })) => plain_reply(&call.target, message),
            Ok(Some(reply)) => Asking::go_on(self, ticket, reply, call, gone).await,
            Ok(None) => Err(CallError::begun(
                ErrorCode::Unavailable,
                "the connection to NATS was closed",
            )),
            Err(_) => Err(CallError::begun(
                ErrorCode::Deadline,
                format!("{} did not answer in time", call.target),
            )),
        }
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

fn unsent(reason: impl std::fmt::Display) -> CallError {
    let message = format!("failed to send the call: {reason}");
    CallError::refused(ErrorCode::Unavailable, message)
}
