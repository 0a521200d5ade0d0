//! The callee's end.

use std::time::Duration;

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{Channel, Event, FRAME_BYTES_MAX, Frame, PAYLOAD, Role, STREAMS_MAX};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::call::Reply;
use crate::connect::Client;
use crate::headers;
use crate::stream::faults::{lost, silent};
use crate::stream::gather::Gather;
use crate::stream::pipe::Reader;
use crate::stream::pump::{Pump, Step, frame_of};
use crate::stream::streams::Streams;

/// The way to the callee's end of a channel: what the call came to goes here.
pub(crate) struct Answering {
    reply: oneshot::Sender<Result<Reply, CallError>>,
}

/// A request with frames, whose payload is whole.
pub(crate) struct Opened {
    pub(crate) payload: Bytes,
    pub(crate) streams: Streams,
}

/// The callee's end of a channel, until it has answered and every stream is closed.
struct Callee {
    pump: Pump,
    reply_to: async_nats::Subject,
    payload: Option<Gather>,
    readers: Vec<Reader>,
    opened: Option<oneshot::Sender<Result<Opened, CallError>>>,
    reply: Option<oneshot::Receiver<Result<Reply, CallError>>>,
    gone: CancellationToken,
}

impl Answering {
    /// Takes a request that is a frame; the second is its payload and streams, once that is whole.
    /// `gone` is cancelled when the caller goes away.
    pub(crate) fn accept(
        client: &Client,
        frame: Frame,
        message: &Message,
        patience: Duration,
        gone: CancellationToken,
    ) -> Result<(Self, oneshot::Receiver<Result<Opened, CallError>>), CallError> {
        let reply_to = message.reply.clone().ok_or_else(nowhere)?;
        let mut callee = Callee::new(client, reply_to, patience, gone, Channel::new(Role::Callee))?;
        let Event::Opened { streams, bytes } = callee.pump.receive(frame, message)? else {
            return Err(out_of_turn());
        };
        callee.readers = callee.pump.open_incoming(streams);
        let budget = &client.gathered;
        callee.payload = Some(Gather::begin(budget, &message.payload, bytes)?);
        let (answering, opened) = callee.wire();
        Ok((answering, opened))
    }

    /// Answers a plain request with what doesn't fit a plain reply.
    pub(crate) async fn answer_plain(
        client: &Client,
        reply_to: async_nats::Subject,
        reply: Reply,
        patience: Duration,
    ) -> Result<(), CallError> {
        let machine = Channel::of_plain_request(Role::Callee);
        let gone = CancellationToken::new();
        let mut callee = Callee::new(client, reply_to.clone(), patience, gone, machine)?;
        callee.pump.peer = Some(reply_to);
        callee.open(few_streams(reply)?).await?;
        tokio::spawn(callee.run());
        Ok(())
    }

    /// Hands the answer over.
    pub(crate) fn answer(self, reply: Result<Reply, CallError>) {
        // An end that is over wants no answer.
        let _ = self.reply.send(reply);
    }
}

impl Callee {
    fn new(
        client: &Client,
        reply_to: async_nats::Subject,
        patience: Duration,
        gone: CancellationToken,
        machine: Channel,
    ) -> Result<Self, CallError> {
        let frames = client.mux.frames().ok_or_else(|| {
            let message = "too many calls of this process are open";
            CallError::refused(ErrorCode::Overloaded, message)
        })?;
        Ok(Self {
            pump: Pump::new(client, machine, frames, patience),
            reply_to,
            payload: None,
            readers: Vec::new(),
            opened: None,
            reply: None,
            gone,
        })
    }

    /// Starts the task, with a way in and a way out.
    fn wire(mut self) -> (Answering, oneshot::Receiver<Result<Opened, CallError>>) {
        let (opened_sender, opened) = oneshot::channel();
        let (reply, reply_receiver) = oneshot::channel();
        self.opened = Some(opened_sender);
        self.reply = Some(reply_receiver);
        tokio::spawn(self.run());
        (Answering { reply }, opened)
    }

    async fn run(mut self) {
        if let Err(error) = self.until_over().await {
            // Those here first: without a connection, a word to the caller waits for one.
            self.gone.cancel();
            self.pump.break_off(&error);
            if let Some(opened) = self.opened.take() {
                let _ = opened.send(Err(error.clone()));
            }
            // A caller that can't be told finds out by silence.
            let _ = self.pump.fail_outgoing(&error).await;
            self.last_word(error).await;
        }
    }

    /// A call that was not answered yet still is, once nobody works on it any more: with the reason of
    /// this end, unless there is a better one.
    async fn last_word(&mut self, reason: CallError) {
        let Some(reply) = self.reply.take() else {
            return;
        };
        let error = match reply.await {
            Ok(Err(error)) if error.code != ErrorCode::Cancelled => error,
            _ => reason,
        };
        self.refuse(&error).await;
    }

    async fn until_over(&mut self) -> Result<(), CallError> {
        self.begin().await?;
        loop {
            let patience = self.pump.patience;
            let progress = self.pump.progress.clone();
            tokio::select! {
                biased;
                step = self.pump.step() => self.handle(step).await?,
                reply = answered(&mut self.reply) => {
                    self.reply = None;
                    match reply.and_then(few_streams) {
                        Ok(reply) => self.open(reply).await?,
                        Err(error) => {
                            self.refuse(&error).await;
                            return Err(error);
                        }
                    }
                }
                // Whoever works on the call has a deadline of its own, and answers at it.
                () = progress.silence(patience), if self.reply.is_none() || self.opened.is_some() => {
                    return Err(silent(patience));
                }
            }
            if self.pump.machine.is_over() {
                return Ok(());
            }
        }
    }

    /// The request's payload is there, or is asked for.
    async fn begin(&mut self) -> Result<(), CallError> {
        if self.opened.is_none() {
            return Ok(());
        }
        if !self.pump.machine.awaits_payload() {
            return self.opened();
        }
        match self.pump.machine.begin(PAYLOAD) {
            Some(frame) => self.pump.send(frame, HeaderMap::new(), Bytes::new()).await,
            None => Ok(()),
        }
    }

    async fn handle(&mut self, step: Step) -> Result<(), CallError> {
        match step {
            Step::Message(message) => self.message(message).await,
            Step::Disconnected => Err(lost("the connection to NATS was closed".to_owned())),
            Step::Piece(stream, piece) => self.pump.send_piece(stream, piece).await,
            Step::Taken(stream, taken) => self.pump.grant(stream, taken).await,
            Step::Unwanted(stream) => self.pump.stop(stream).await,
            Step::Silence => self.pump.nudge().await,
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), CallError> {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return self.pump.nobody();
        }
        let Some(frame) = frame_of(&message) else {
            return Err(headers::error(message.headers.as_ref()).unwrap_or_else(out_of_turn));
        };
        let frame = frame?;
        match self.pump.receive(frame, &message)? {
            Event::Data(PAYLOAD) => {
                if let Some(payload) = &mut self.payload {
                    payload.add(&message.payload)?;
                }
                let cost = lattice_protocol::frame::cost(message.payload.len());
                match self.pump.machine.read(PAYLOAD, cost) {
                    Some(frame) => self.pump.send(frame, HeaderMap::new(), Bytes::new()).await,
                    None => Ok(()),
                }
            }
            Event::End(PAYLOAD) => self.opened(),
            Event::Cancel => Err(CallError::begun(
                ErrorCode::Cancelled,
                "the caller went away",
            )),
            _ => Ok(()),
        }
    }

    fn opened(&mut self) -> Result<(), CallError> {
        let (Some(payload), Some(opened)) = (self.payload.take(), self.opened.take()) else {
            return Ok(());
        };
        let payload = payload.finish()?;
        let streams = Streams::new(std::mem::take(&mut self.readers));
        // Nobody waits for it when this process stops: then there is no answer either.
        let _ = opened.send(Ok(Opened { payload, streams }));
        Ok(())
    }

    /// Sends the reply, with as much of its payload as fits; the rest and the streams follow.
    async fn open(&mut self, reply: Reply) -> Result<(), CallError> {
        let room = self.pump.piece_bytes_max();
        let whole = reply.payload.len() <= room;
        let first = match whole {
            true => reply.payload.clone(),
            false => reply.payload.slice(..FRAME_BYTES_MAX.min(room)),
        };
        let rest = reply.payload.slice(first.len()..);
        let streams = u16::try_from(reply.streams.len()).unwrap_or(u16::MAX);
        let bytes = reply.payload.len() as u64;
        let outgoing = &mut self.pump.outgoing.readers;
        outgoing.push((!whole).then(|| Reader::whole(rest, Bytes::new())));
        outgoing.extend(reply.streams.into_iter().map(Some));
        let open = self.pump.machine.open(streams, bytes, whole);
        self.pump.progress.touch();
        let to = self.reply_to.clone();
        self.pump.send_to(to, open, HeaderMap::new(), first).await
    }

    /// Sends an error for a reply: it ends the channel.
    async fn refuse(&mut self, error: &CallError) {
        let headers = headers::of_error(error);
        let to = self.reply_to.clone();
        let nats = &self.pump.client.nats;
        let sent = nats.publish_with_headers(to, headers, Bytes::new()).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "a reply could not be sent");
        }
    }
}

async fn answered(
    reply: &mut Option<oneshot::Receiver<Result<Reply, CallError>>>,
) -> Result<Reply, CallError> {
    match reply {
        Some(reply) => reply.await.unwrap_or_else(|_| {
            let message = "the call was dropped unanswered";
            Err(CallError::begun(ErrorCode::Internal, message))
        }),
        None => std::future::pending().await,
    }
}

fn few_streams(reply: Reply) -> Result<Reply, CallError> {
    let streams = reply.streams.len();
    if streams <= usize::from(STREAMS_MAX) {
        return Ok(reply);
    }
    let message = format!("the reply has {streams} streams and {STREAMS_MAX} are allowed");
    Err(CallError::begun(ErrorCode::Internal, message))
}

fn nowhere() -> CallError {
    let message = "a request with frames needs a reply subject";
    CallError::refused(ErrorCode::BadRequest, message)
}

fn out_of_turn() -> CallError {
    CallError::refused(ErrorCode::BadRequest, "a frame came out of its turn")
}
