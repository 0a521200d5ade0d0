//! Drives one end of a channel: pieces become frames, frames become pieces.
//!
//! One task for each channel, which is alone in sending its frames: so their numbers are their order.
//!
//! Streams share a channel by turns of one frame. Channels share a connection: each has at most its
//! window of every stream on the way, so that what another sends waits behind no more than that.
//!
//! - `outgoing`, `incoming`: the streams of this end, and of the other;
//! - `turns`: whose turn it is.

mod incoming;
mod outgoing;
mod turns;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_protocol::call::header;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{
    self, Channel, Event, FRAME_BYTES_MAX, Frame, SILENCE_MAX, TAIL_BYTES_MAX,
};

use self::incoming::{Did, Incoming};
use self::outgoing::{Outgoing, Piece};
use self::turns::Turns;
use super::faults::{broken, lost, told, unwanted};
use super::pipe::Reader;
use super::progress::Progress;
use crate::connect::Client;
use crate::headers;
use crate::mux::Frames;

/// What a frame's headers and subjects take of a message at most.
const FRAME_HEAD_BYTES: usize = 2048;

/// How often a writer hears at least that its stream is read, in the time that nothing may move.
const GRANTS_PER_PATIENCE: u32 = 4;

/// One end of a channel with its streams.
pub(super) struct Pump {
    pub(super) client: Client,
    pub(super) machine: Channel,
    pub(super) frames: Frames,
    /// Where the other end takes frames; unknown to a caller until the first comes.
    pub(super) peer: Option<async_nats::Subject>,
    /// Streams of this end.
    pub(super) outgoing: Outgoing,
    /// Streams of the other end.
    incoming: Incoming,
    turns: Turns,
    pub(super) progress: Progress,
    /// How long nothing may move.
    pub(super) patience: Duration,
    /// When the other end was heard last, or was sent what it must answer if it is gone.
    heard: Instant,
}

/// What happened.
pub(super) enum Step {
    /// A message came.
    Message(Message),
    /// The connection is closed.
    Disconnected,
    /// A stream of this end has a piece, or its end.
    Piece(u16, Piece),
    /// So much of a stream of the other end was read.
    Taken(u16, usize),
    /// Nobody reads a stream of the other end any more.
    Unwanted(u16),
    /// Nothing came for a while.
    Silence,
}

impl Pump {
    /// An end without streams, of a channel where nothing may stand still for longer than `patience`.
    pub(super) fn new(
        client: &Client,
        machine: Channel,
        frames: Frames,
        patience: Duration,
    ) -> Self {
        Self {
            client: client.clone(),
            machine,
            frames,
            peer: None,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            turns: Turns::default(),
            progress: Progress::default(),
            patience,
            heard: Instant::now(),
        }
    }

    /// What happens next.
    pub(super) async fn step(&mut self) -> Step {
        let Some((due, step)) = self.next_due() else {
            return poll_fn(|cx| self.poll_step(cx)).await;
        };
        tokio::select! {
            biased;
            step = poll_fn(|cx| self.poll_step(cx)) => step,
            () = tokio::time::sleep_until(due.into()) => step,
        }
    }

    /// Whoever had the last turn is asked last: frames that come without end hold up nothing that is
    /// to be sent, and the other way round.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        const SOURCES: [fn(&mut Pump, &mut Context<'_>) -> Poll<Step>; 3] =
            [Pump::poll_frames, Pump::poll_incoming, Pump::poll_outgoing];
        for at in self.turns.order(SOURCES.len()) {
            if let Poll::Ready(step) = SOURCES[at](self, cx) {
                self.turns.took(at);
                return Poll::Ready(step);
            }
        }
        Poll::Pending
    }

    fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.frames.poll_next(cx).map(|message| match message {
            Some(message) => Step::Message(message),
            None => Step::Disconnected,
        })
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.incoming.poll(cx).map(|(stream, did)| match did {
            Did::Took(bytes) => Step::Taken(stream, bytes),
            Did::Left => Step::Unwanted(stream),
        })
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let (largest, machine) = (self.piece_bytes_max(), &self.machine);
        let room = |stream| machine.room(stream).min(largest);
        let piece = self.outgoing.poll(room, cx);
        piece.map(|(stream, piece)| Step::Piece(stream, piece))
    }

    /// The longest piece that fits a message of this server.
    pub(super) fn piece_bytes_max(&self) -> usize {
        let message = self.client.max_payload().saturating_sub(FRAME_HEAD_BYTES);
        message.clamp(1, FRAME_BYTES_MAX)
    }

    /// Sends a piece of a stream, or what it ended with.
    pub(super) async fn send_piece(&mut self, stream: u16, piece: Piece) -> Result<(), CallError> {
        match piece {
            Some(Ok(piece)) => {
                let frame = self.machine.send(stream, piece.len()).map_err(broken)?;
                self.progress.touch();
                self.send(frame, HeaderMap::new(), piece).await
            }
            Some(Err(error)) => {
                self.outgoing.forget(stream);
                match self.machine.fail(stream) {
                    Some(frame) => {
                        self.send(frame, headers::of_error(&error), Bytes::new())
                            .await
                    }
                    None => Ok(()),
                }
            }
            None => {
                let reader = self.outgoing.forget(stream);
                let tail = reader.map(|reader| reader.tail()).unwrap_or_default();
                match self.machine.end(stream) {
                    Some(frame) if tail.len() <= TAIL_BYTES_MAX => {
                        self.send(frame, HeaderMap::new(), tail).await
                    }
                    Some(_) => Err(CallError::begun(
                        ErrorCode::TooLarge,
                        format!("the tail of a stream has {} bytes", tail.len()),
                    )),
                    None => Ok(()),
                }
            }
        }
    }

    /// Grants credit for what was read.
    pub(super) async fn grant(&mut self, stream: u16, taken: usize) -> Result<(), CallError> {
        let Some(incoming) = self.incoming.get_mut(stream) else {
            return Ok(());
        };
        let first = !std::mem::replace(&mut incoming.begun, true);
        if first && let Some(frame) = self.machine.begin(stream) {
            self.send(frame, HeaderMap::new(), Bytes::new()).await?;
        }
        let credit = match self.machine.read(stream, taken) {
            None if self.is_due(stream) => self.machine.settle(stream),
            credit => credit,
        };
        match credit {
            Some(frame) => {
                if let Some(incoming) = self.incoming.get_mut(stream) {
                    incoming.granted = Instant::now();
                }
                self.send(frame, HeaderMap::new(), Bytes::new()).await
            }
            None => Ok(()),
        }
    }

    /// When the writer of a stream should hear that it is still read.
    fn due(&self, stream: u16) -> Option<Instant> {
        let incoming = self.incoming.get(stream)?;
        let is_read = self.machine.is_unsettled(stream);
        is_read.then(|| incoming.granted + self.patience / GRANTS_PER_PATIENCE)
    }

    fn is_due(&self, stream: u16) -> bool {
        self.due(stream).is_some_and(|due| due <= Instant::now())
    }

    /// What is to be done if nothing else happens until then, and when.
    fn next_due(&self) -> Option<(Instant, Step)> {
        let grants = self.incoming.numbers();
        let grants = grants.filter_map(|stream| Some((self.due(stream)?, Step::Taken(stream, 0))));
        // Who the other end is shows with its first frame.
        let known = self.peer.is_some();
        let silence = known.then(|| (self.heard + SILENCE_MAX, Step::Silence));
        grants.chain(silence).min_by_key(|(due, _)| *due)
    }

    /// Makes sure that the other end is still there: if not, the server says so.
    pub(super) async fn nudge(&mut self) -> Result<(), CallError> {
        self.heard = Instant::now();
        let frame = self.machine.nudge();
        self.send(frame, HeaderMap::new(), Bytes::new()).await
    }

    /// Tells the other end that a stream of it is not wanted.
    pub(super) async fn stop(&mut self, stream: u16) -> Result<(), CallError> {
        self.incoming.forget(stream);
        match self.machine.stop(stream) {
            Some(frame) => self.send(frame, HeaderMap::new(), Bytes::new()).await,
            None => Ok(()),
        }
    }

    /// Takes a frame in; answers what it means, after what concerns streams was done.
    pub(super) fn receive(&mut self, frame: Frame, message: &Message) -> Result<Event, CallError> {
        if !self.is_from_peer(message) {
            return Ok(Event::Nothing);
        }
        self.heard = Instant::now();
        let event = self
            .machine
            .receive(frame, message.payload.len())
            .map_err(broken)?;
        match event {
            Event::Data(stream) if stream != frame::PAYLOAD => {
                self.progress.touch();
                if message.payload.is_empty() {
                    self.machine.pass(stream);
                } else if let Some(incoming) = self.incoming.get_mut(stream) {
                    incoming.writer.push(message.payload.clone());
                }
            }
            // Credit says that somebody reads, however slowly.
            Event::Data(_) | Event::Credit(_) => self.progress.touch(),
            Event::End(stream) => {
                if let Some(writer) = self.incoming.forget(stream) {
                    writer.end(message.payload.clone());
                }
            }
            Event::Fail(stream) => {
                if let Some(writer) = self.incoming.forget(stream) {
                    writer.fail(told(message));
                }
            }
            Event::Stop(stream) => {
                if let Some(reader) = self.outgoing.forget(stream) {
                    reader.refuse(unwanted());
                }
            }
            _ => {}
        }
        Ok(event)
    }

    /// Whether a frame comes from the end that this one speaks with: the first that sent any. A request
    /// that the network brought twice is answered twice, and frames of both would make up a third answer.
    fn is_from_peer(&mut self, message: &Message) -> bool {
        match (&message.reply, &self.peer) {
            (Some(from), Some(peer)) => from == peer,
            (Some(from), None) => {
                self.peer = Some(from.clone());
                true
            }
            (None, _) => true,
        }
    }

    /// Makes the streams that the other end has opened.
    pub(super) fn open_incoming(&mut self, streams: u16) -> Vec<Reader> {
        self.incoming.open(streams, &self.progress)
    }

    /// Sends a frame to the other end; one that isn't known yet gets it never.
    pub(super) async fn send(
        &mut self,
        frame: Frame,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), CallError> {
        match self.peer.clone() {
            Some(peer) => self.send_to(peer, frame, headers, payload).await,
            None => Ok(()),
        }
    }

    /// Sends a frame to a subject.
    pub(super) async fn send_to(
        &mut self,
        to: async_nats::Subject,
        frame: Frame,
        mut headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), CallError> {
        headers.insert(header::FRAME, frame.to_string());
        let subject = self.frames.subject();
        let sent = self
            .client
            .nats
            .publish_with_reply_and_headers(to, subject, headers, payload);
        // Without a connection a message waits for one: not longer than nothing may move.
        match tokio::time::timeout(self.patience, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost(error.to_string())),
            Err(_) => Err(lost("there was no connection to NATS in time".to_owned())),
        }
    }

    /// Ends every stream with an error.
    pub(super) fn break_off(&mut self, error: &CallError) {
        for reader in self.outgoing.readers.iter_mut().filter_map(Option::take) {
            reader.refuse(error.clone());
        }
        for writer in self.incoming.forget_all() {
            writer.fail(error.clone());
        }
    }

    /// Tells the other end that streams of this one broke off, as far as it can be told.
    pub(super) async fn fail_outgoing(&mut self, error: &CallError) -> Result<(), CallError> {
        for stream in 0..u16::try_from(self.outgoing.readers.len()).unwrap_or(u16::MAX) {
            if let Some(frame) = self.machine.fail(stream) {
                let headers = headers::of_error(error);
                self.send(frame, headers, Bytes::new()).await?;
            }
        }
        Ok(())
    }
}

/// The frame that a message is, if it says that it is one.
pub(crate) fn frame_of(message: &Message) -> Option<Result<Frame, CallError>> {
    let text = message.headers.as_ref()?.get(header::FRAME)?.as_str();
    let malformed =
        |error: frame::Malformed| CallError::refused(ErrorCode::BadRequest, error.to_string());
    Some(text.parse().map_err(malformed))
}
