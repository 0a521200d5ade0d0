//! The way back to a caller: a plain reply where it fits, frames where it doesn't.

use std::pin::pin;
use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::Frame;
use tokio::sync::oneshot;

use crate::call::Reply;
use crate::cancel::Cancellable;
use crate::connect::Client;
use crate::headers;
use crate::stream::{Answering, Opened};

/// The way back to a caller. One that is dropped unused answers `internal`: no call ends in silence.
pub struct Responder {
    client: Client,
    reply: Option<async_nats::Subject>,
    /// Absent for what was not well formed: it is answered before anybody could cancel it.
    cancellable: Option<Cancellable>,
    /// The callee's end, if the request came with frames.
    channel: Option<Answering>,
    /// How long the streams of a reply may stand still.
    patience: Duration,
}

impl Responder {
    /// The way back of a message that may not be well formed.
    pub(crate) fn to(client: Client, reply: Option<async_nats::Subject>) -> Self {
        Self {
            client,
            reply,
            cancellable: None,
            channel: None,
            patience: Duration::ZERO,
        }
    }

    /// It is a call with this context: from here on its caller can cancel it.
    pub(crate) fn follow(&mut self, context: &Context) {
        self.cancellable = Some(self.client.cancels.enlist(context.id));
        self.patience = context.remaining;
    }

    /// Answers the call with what `work` comes to, unless the caller goes away before: then the
    /// work is dropped where it is.
    pub async fn answer<R: Into<Reply>>(self, work: impl Future<Output = Result<R, CallError>>) {
        let result = {
            let work = pin!(work);
            self.unless_gone(work).await
        };
        self.reply(result).await;
    }

    /// What `work` comes to, or that the caller went away before. For large work, which this does not hold:
    /// it is to be dropped before the reply, which may wait for a connection.
    pub async fn unless_gone<R>(
        &self,
        work: impl Future<Output = Result<R, CallError>> + Unpin,
    ) -> Result<R, CallError> {
        let Some(cancellable) = &self.cancellable else {
            return work.await;
        };
        tokio::select! {
            biased;
            result = work => result,
            // Whoever is left hears it: a repetition that came under the id of what was cancelled.
            () = cancellable.cancelled() => {
                Err(CallError::begun(ErrorCode::Cancelled, "the caller went away"))
            }
        }
    }

    /// Answers the call.
    pub async fn reply<R: Into<Reply>>(mut self, result: Result<R, CallError>) {
        let result = result.map(Into::into);
        let Some(reply) = self.reply.take() else {
            return;
        };
        match self.channel.take() {
            Some(channel) => channel.answer(result),
            None => send(&self.client, reply, result, self.patience).await,
        }
    }

    /// Answers the call with an error.
    pub async fn refuse(self, error: CallError) {
        self.reply::<Reply>(Err(error)).await;
    }

    /// Whether the caller takes a reply with streams.
    pub fn takes_streams(&self) -> bool {
        let reply = self.reply.as_ref();
        self.channel.is_some() || reply.is_some_and(|to| understands_frames(&self.client, to))
    }

    /// Takes a request that is a frame; its payload and streams come once that is whole.
    pub(crate) fn accept(
        &mut self,
        frame: Frame,
        message: &Message,
    ) -> Result<oneshot::Receiver<Result<Opened, CallError>>, CallError> {
        let gone = self.cancellable.as_ref().map(Cancellable::token);
        let gone = gone.unwrap_or_default();
        let (channel, opened) =
            Answering::accept(&self.client, frame, message, self.patience, gone)?;
        self.channel = Some(channel);
        Ok(opened)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let Some(reply) = self.reply.take() else {
            return;
        };
        let error = CallError::begun(ErrorCode::Internal, "the call was dropped unanswered");
        if let Some(channel) = self.channel.take() {
            return channel.answer(Err(error));
        }
        let client = self.client.clone();
        // Outside a runtime the process is at its end, and its connection tells the caller.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { send_error(&client, reply, &error).await });
        }
    }
}

async fn send(
    client: &Client,
    to: async_nats::Subject,
    result: Result<Reply, CallError>,
    patience: Duration,
) {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => return send_error(client, to, &error).await,
    };
    let fits = reply.streams.is_empty() && reply.payload.len() <= client.max_payload();
    if fits {
        return said(client.nats.publish(to, reply.payload).await);
    }
    if !understands_frames(client, &to) {
        return send_error(client, to, &too_much(client, &reply)).await;
    }
    // Boxed: most replies fit, and carry no room for this.
    let answered = Box::pin(Answering::answer_plain(client, to.clone(), reply, patience));
    if let Err(error) = answered.await {
        send_error(client, to, &error).await;
    }
}

/// Only who lives in an inbox of this lattice is known to.
pub(crate) fn understands_frames(client: &Client, reply: &async_nats::Subject) -> bool {
    reply.starts_with(&*client.inbox_root)
}

/// The caller takes one message, and the reply is more.
fn too_much(client: &Client, reply: &Reply) -> CallError {
    let bytes = reply.payload.len();
    let message = match reply.streams.is_empty() {
        true => format!(
            "the result has {bytes} bytes and the NATS server takes {}",
            client.max_payload()
        ),
        false => "the result has streams, which a plain reply can't carry".to_owned(),
    };
    CallError::begun(ErrorCode::TooLarge, message)
}

async fn send_error(client: &Client, to: async_nats::Subject, error: &CallError) {
    let headers = headers::of_error(error);
    let sent = client.nats.publish_with_headers(to, headers, Bytes::new());
    said(sent.await);
}

fn said(sent: Result<(), async_nats::PublishError>) {
    if let Err(error) = sent {
        tracing::warn!(%error, "a reply could not be sent");
    }
}
