//! Drives one end of a channel: pieces become frames, frames become pieces.
//!
//! One task for each channel, which is alone in sending its frames: so their numbers are their order.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_protocol::call::header;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{self, Channel, Event, FRAME_BYTES_MAX, Frame, TAIL_BYTES_MAX};

use super::faults::{broken, lost, told, unwanted};
use super::pipe::{Reader, Writer, pipe_with};
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
    /// Streams of this end, by number.
    pub(super) outgoing: Vec<Option<Reader>>,
    /// Streams of the other end, by number.
    pub(super) incoming: Vec<Option<Incoming>>,
    pub(super) progress: Progress,
    /// How long nothing may move.
    pub(super) patience: Duration,
}

/// A stream of the other end.
pub(super) struct Incoming {
    writer: Writer,
    begun: bool,
    /// When its writer heard last that it is read.
    granted: Instant,
}

/// What happened.
pub(super) enum Step {
    /// A message came.
    Message(Message),
    /// The connection is closed.
    Disconnected,
    /// A stream of this end has a piece, or its end.
    Piece(u16, Option<Result<Bytes, CallError>>),
    /// So much of a stream of the other end was read.
    Taken(u16, usize),
    /// Nobody reads a stream of the other end any more.
    Unwanted(u16),
}

impl Pump {
    /// What happens next.
    pub(super) async fn step(&mut self) -> Step {
        let Some((stream, due)) = self.next_due() else {
            return poll_fn(|cx| self.poll_step(cx)).await;
        };
        tokio::select! {
            biased;
            step = poll_fn(|cx| self.poll_step(cx)) => step,
            () = tokio::time::sleep_until(due.into()) => Step::Taken(stream, 0),
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        match self.frames.poll_next(cx) {
            Poll::Ready(Some(message)) => return Poll::Ready(Step::Message(message)),
            Poll::Ready(None) => return Poll::Ready(Step::Disconnected),
            Poll::Pending => {}
        }
        for (stream, incoming) in (0..).zip(&mut self.incoming) {
            let Some(incoming) = incoming else { continue };
            if incoming.writer.poll_closed(cx).is_ready() {
                return Poll::Ready(Step::Unwanted(stream));
            }
            if let Poll::Ready(taken) = incoming.writer.poll_taken(incoming.begun, cx) {
                return Poll::Ready(Step::Taken(stream, taken));
            }
        }
        self.poll_outgoing(cx)
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let largest = self.piece_bytes_max();
        for (stream, reader) in (0..).zip(&mut self.outgoing) {
            let Some(reader) = reader else { continue };
            let room = self.machine.room(stream).min(largest);
            if room == 0 {
                continue;
            }
            if let Poll::Ready(piece) = reader.poll_up_to(room, cx) {
                return Poll::Ready(Step::Piece(stream, piece));
            }
        }
        Poll::Pending
    }

    /// The longest piece that fits a message of this server.
    pub(super) fn piece_bytes_max(&self) -> usize {
        let message = self.client.max_payload().saturating_sub(FRAME_HEAD_BYTES);
        message.clamp(1, FRAME_BYTES_MAX)
    }

    /// Sends a piece of a stream, or what it ended with.
    pub(super) async fn send_piece(
        &mut self,
        stream: u16,
        piece: Option<Result<Bytes, CallError>>,
    ) -> Result<(), CallError> {
        match piece {
            Some(Ok(piece)) => {
                let frame = self.machine.send(stream, piece.len()).map_err(broken)?;
                self.progress.touch();
                self.send(frame, HeaderMap::new(), piece).await
            }
            Some(Err(error)) => {
                self.forget_outgoing(stream);
                match self.machine.fail(stream) {
                    Some(frame) => {
                        self.send(frame, headers::of_error(&error), Bytes::new())
                            .await
                    }
                    None => Ok(()),
                }
            }
            None => {
                let reader = self.forget_outgoing(stream);
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

    fn forget_outgoing(&mut self, stream: u16) -> Option<Reader> {
        self.outgoing.get_mut(usize::from(stream))?.take()
    }

    /// Grants credit for what was read.
    pub(super) async fn grant(&mut self, stream: u16, taken: usize) -> Result<(), CallError> {
        let Some(Some(incoming)) = self.incoming.get_mut(usize::from(stream)) else {
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
                if let Some(Some(incoming)) = self.incoming.get_mut(usize::from(stream)) {
                    incoming.granted = Instant::now();
                }
                self.send(frame, HeaderMap::new(), Bytes::new()).await
            }
            None => Ok(()),
        }
    }

    /// When the writer of a stream should hear that it is still read.
    fn due(&self, stream: u16) -> Option<Instant> {
        let incoming = self.incoming.get(usize::from(stream))?.as_ref()?;
        let is_read = self.machine.is_unsettled(stream);
        is_read.then(|| incoming.granted + self.patience / GRANTS_PER_PATIENCE)
    }

    fn is_due(&self, stream: u16) -> bool {
        self.due(stream).is_some_and(|due| due <= Instant::now())
    }

    /// The stream whose writer should hear that first: also when nothing else happens until then.
    fn next_due(&self) -> Option<(u16, Instant)> {
        let streams = 0..u16::try_from(self.incoming.len()).unwrap_or(u16::MAX);
        let due = streams.filter_map(|stream| Some((stream, self.due(stream)?)));
        due.min_by_key(|(_, due)| *due)
    }

    /// Tells the other end that a stream of it is not wanted.
    pub(super) async fn stop(&mut self, stream: u16) -> Result<(), CallError> {
        if let Some(incoming) = self.incoming.get_mut(usize::from(stream)) {
            *incoming = None;
        }
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
        let event = self
            .machine
            .receive(frame, message.payload.len())
            .map_err(broken)?;
        match event {
            Event::Data(stream) if stream != frame::PAYLOAD => {
                self.progress.touch();
                if message.payload.is_empty() {
                    self.machine.pass(stream);
                } else if let Some(Some(incoming)) = self.incoming.get_mut(usize::from(stream)) {
                    incoming.writer.push(message.payload.clone());
                }
            }
            // Credit says that somebody reads, however slowly.
            Event::Data(_) | Event::Credit(_) => self.progress.touch(),
            Event::End(stream) => {
                if let Some(writer) = self.forget_incoming(stream) {
                    writer.end(message.payload.clone());
                }
            }
            Event::Fail(stream) => {
                if let Some(writer) = self.forget_incoming(stream) {
                    writer.fail(told(message));
                }
            }
            Event::Stop(stream) => {
                if let Some(reader) = self.forget_outgoing(stream) {
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

    fn forget_incoming(&mut self, stream: u16) -> Option<Writer> {
        let incoming = self.incoming.get_mut(usize::from(stream))?.take()?;
        Some(incoming.writer)
    }

    /// Makes the streams that the other end has opened.
    pub(super) fn open_incoming(&mut self, streams: u16) -> Vec<Reader> {
        self.incoming.push(None);
        let mut readers = Vec::with_capacity(usize::from(streams));
        for _ in 0..streams {
            let (writer, reader) = pipe_with(super::WINDOW_BYTES, self.progress.clone());
            self.incoming.push(Some(Incoming {
                writer,
                begun: false,
                granted: Instant::now(),
            }));
            readers.push(reader);
        }
        readers
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
        for reader in self.outgoing.iter_mut().filter_map(Option::take) {
            reader.refuse(error.clone());
        }
        for incoming in self.incoming.iter_mut().filter_map(Option::take) {
            incoming.writer.fail(error.clone());
        }
    }

    /// Tells the other end that streams of this one broke off, as far as it can be told.
    pub(super) async fn fail_outgoing(&mut self, error: &CallError) -> Result<(), CallError> {
        for stream in 0..u16::try_from(self.outgoing.len()).unwrap_or(u16::MAX) {
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
