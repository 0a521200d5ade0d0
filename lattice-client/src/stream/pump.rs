//! Drives one end of a channel: pieces become frames, frames become pieces.
//!
//! One task for each channel, which is alone in sending its frames: so their numbers are their order.
//!
//! Streams share a channel by turns of one frame. Channels share a connection: each has at most its
//! window of every stream on the way, so that what another sends waits behind no more than that.
//!
//! - here: what is done with streams of either end;
//! - `step`: what happens, in which order;
//! - `message`: frames as messages;
//! - `outgoing`, `incoming`: the streams of this end, and of the other;
//! - `turns`: whose turn it is.

mod incoming;
mod message;
mod outgoing;
mod step;
mod turns;

use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{self, Channel, Event, Frame, TAIL_BYTES_MAX};

use self::incoming::Incoming;
pub(crate) use self::message::frame_of;
use self::outgoing::{Outgoing, Piece};
pub(super) use self::step::Step;
use self::turns::Turns;
use super::faults::{broken, told, unwanted};
use super::pipe::Reader;
use super::progress::Progress;
use crate::connect::Client;
use crate::headers;
use crate::mux::Frames;

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

    /// Makes sure that the other end is still there: if not, the server says so. Without a connection there
    /// is nobody to ask, and what waited for one would be asked all at once.
    pub(super) async fn nudge(&mut self) -> Result<(), CallError> {
        self.heard = Instant::now();
        if !self.client.is_connected() {
            return Ok(());
        }
        let frame = self.machine.nudge();
        self.send(frame, HeaderMap::new(), Bytes::new()).await
    }

    /// The server said that nobody is at the other end: whether that is its last word.
    pub(super) fn nobody(&mut self) -> Result<(), CallError> {
        let connection = self.client.reconnects();
        self.machine.nobody(connection).map_err(broken)
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

    /// Makes the streams that the other end has opened.
    pub(super) fn open_incoming(&mut self, streams: u16) -> Vec<Reader> {
        self.incoming.open(streams, &self.progress)
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
