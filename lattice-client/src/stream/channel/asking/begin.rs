//! How the caller's end begins: by a request that needs frames, or by a plain one whose reply does.

use std::future::pending;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{Channel, FRAME_BYTES_MAX, Role, STREAMS_MAX};
use lattice_protocol::subject::Subject;

use super::{Asking, Next, unheard};
use crate::call::{Call, Heard, Reply, plain_reply};
use crate::connect::Client;
use crate::mux::{Delivered, Frames, Ticket};
use crate::stream::channel::awaited::{Answer, Awaited};
use crate::stream::faults::never;
use crate::stream::pipe::Reader;
use crate::stream::pump::Pump;
use crate::stream::streams::Streams;

/// What is said to have been called where a control request was made.
const CONTROL: &str = "control";
/// What the frame's own header takes, in the longest case.
const FRAME_HEADER_BYTES: usize = 128;

impl Asking {
    /// Sends a request that needs frames, and answers with its reply; what streams are left go on by
    /// themselves.
    pub(crate) async fn ask(
        client: &Client,
        subject: Subject,
        headers: HeaderMap,
        call: &Call,
        gone: impl Future<Output = ()> + Send + 'static,
    ) -> Answer {
        let unsent = |error| (Heard::Unknown, Err(error));
        if call.streams.len() > usize::from(STREAMS_MAX) {
            let message = format!(
                "the call has {} streams and {STREAMS_MAX} are allowed",
                call.streams.len()
            );
            return unsent(CallError::refused(ErrorCode::BadRequest, message));
        }
        let Some(frames) = client.mux.frames() else {
            return unsent(CallError::refused(
                ErrorCode::Overloaded,
                "too many calls of this process wait for replies",
            ));
        };
        let mut asking = Self::new(client, frames, call, Channel::new(Role::Caller));
        let sent = asking.send_request(subject, headers, &call.payload).await;
        if let Err(error) = sent {
            return unsent(error);
        }
        let answer = asking.reply.await_it();
        asking.spawn(answer, gone).await
    }

    /// Goes on with a plain request whose reply turned out to be a frame.
    pub(crate) async fn go_on(
        client: &Client,
        ticket: Ticket,
        reply: Delivered,
        call: &Call,
        gone: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Reply, CallError> {
        let Some(more) = reply.more else {
            return plain_reply(&call.target, reply.message);
        };
        let frames = ticket.into_frames(more);
        let machine = Channel::of_plain_request(Role::Caller);
        let mut asking = Self::new(client, frames, call, machine);
        let answer = asking.reply.await_it();
        match asking.message(reply.message).await {
            Ok(Next::Go) if !asking.pump.machine.is_over() => asking.spawn(answer, gone).await.1,
            Ok(_) => answer.await.unwrap_or_else(|_| unheard()).1,
            Err(error) => {
                asking.pump.break_off(&error);
                asking.leave(&error).await;
                Err(error)
            }
        }
    }

    /// Takes the rest of a reply to a plain request that is no call, and gives all of it.
    pub(crate) async fn gather(
        client: &Client,
        ticket: Ticket,
        reply: Delivered,
        patience: Duration,
    ) -> Result<Bytes, CallError> {
        let call = Call {
            target: CONTROL.parse().map_err(|_| never())?,
            endpoint: CONTROL.parse().map_err(|_| never())?,
            context: Context {
                remaining: patience,
                ..Context::default()
            },
            payload: Bytes::new(),
            streams: Streams::default(),
        };
        let whole = Self::go_on(client, ticket, reply, &call, pending()).await?;
        Ok(whole.payload)
    }

    fn new(client: &Client, frames: Frames, call: &Call, machine: Channel) -> Self {
        let pump = Pump::new(client, machine, frames, call.context.remaining);
        Self {
            pump,
            target: call.target.clone(),
            id: call.context.id,
            streams: call.streams.clone(),
            reply: Awaited::default(),
        }
    }

    async fn send_request(
        &mut self,
        subject: Subject,
        headers: HeaderMap,
        payload: &Bytes,
    ) -> Result<(), CallError> {
        let most = self.pump.client.max_payload();
        let room = most.saturating_sub(crate::headers::size(&headers) + FRAME_HEADER_BYTES);
        let whole = payload.len() <= room;
        let first = match whole {
            true => payload.clone(),
            false => payload.slice(..FRAME_BYTES_MAX.min(room)),
        };
        let rest = payload.slice(first.len()..);
        self.pump
            .outgoing
            .readers
            .push((!whole).then(|| Reader::whole(rest, Bytes::new())));
        let streams = u16::try_from(self.streams.len()).unwrap_or(u16::MAX);
        self.pump
            .outgoing
            .readers
            .resize_with(usize::from(streams) + 1, || None);
        let open = self.pump.machine.open(streams, payload.len() as u64, whole);
        let to = subject.into_string().into();
        let sent = self.pump.send_to(to, open, headers, first).await;
        sent.map_err(|error| CallError::refused(error.code, error.message))
    }
}
