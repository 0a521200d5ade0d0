//! One end of a channel: what came is checked and becomes an event, what is to be sent is numbered.
//!
//! No clock, no bytes, no I/O: whoever drives it moves the bytes.

use super::presence::{Absence, Presence};
use super::stream::{Came, Reading, Sending};
use super::{Broken, Event, Frame, Kind, PAYLOAD, STREAMS_MAX, TAIL_BYTES_MAX, WINDOW_BYTES};

/// Which end of the call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that sent the request.
    Caller,
    /// The one that answers it.
    Callee,
}

/// One end of a channel.
#[derive(Debug)]
pub struct Channel {
    role: Role,
    /// The number of the next frame to be sent.
    next: u64,
    /// The number of the next frame to come.
    expected: u64,
    /// Streams of this end, by number; none before it has opened.
    sending: Option<Vec<Sending>>,
    /// Streams of the other end, by number; none before it has opened.
    reading: Option<Vec<Reading>>,
    presence: Presence,
}

impl Channel {
    /// An end that has sent and received nothing.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            next: 0,
            expected: 0,
            sending: None,
            reading: None,
            presence: Presence::default(),
        }
    }

    /// An end of a call whose request went as a plain message: the caller has no streams.
    pub fn of_plain_request(role: Role) -> Self {
        let mut channel = Self::new(role);
        match role {
            Role::Caller => channel.sending = Some(vec![Sending::new(0, true)]),
            Role::Callee => channel.reading = Some(vec![Reading::new(true, true)]),
        }
        channel
    }

    /// Opens this end; `whole` when the frame itself has the whole payload.
    pub fn open(&mut self, streams: u16, bytes: u64, whole: bool) -> Frame {
        let credit = match self.role {
            Role::Caller => 0,
            Role::Callee => WINDOW_BYTES,
        };
        let mut sending = vec![Sending::new(credit, whole)];
        sending.resize(usize::from(streams) + 1, Sending::new(credit, false));
        self.sending = Some(sending);
        self.number(Kind::Open { streams, bytes })
    }

    /// What a frame with that many bytes means. After `Broken` the channel is of no use.
    pub fn receive(&mut self, frame: Frame, bytes: usize) -> Result<Event, Broken> {
        self.presence.heard();
        if frame.number > self.expected {
            return Err(Broken::Lost {
                expected: self.expected,
                came: frame.number,
            });
        }
        if frame.number < self.expected || frame.kind == Kind::Here {
            return Ok(Event::Nothing);
        }
        self.expected += 1;
        match frame.kind {
            Kind::Open {
                streams,
                bytes: all,
            } => self.opened(streams, all, bytes),
            Kind::Data { stream } => self.data(stream, bytes),
            Kind::End { stream } => self.ended(stream, bytes),
            Kind::Fail { stream } => self.close_reading(stream, Event::Fail(stream)),
            Kind::Credit { stream, bytes } => self.granted(stream, bytes),
            Kind::Stop { stream } => self.stopped(stream),
            Kind::Cancel => Ok(Event::Cancel),
            Kind::Here => Ok(Event::Nothing),
        }
    }

    /// The server said, over the connection of this number, that nobody is at the other end. Whether the
    /// channel can go on: what is back within seconds may have missed nothing.
    pub fn nobody(&mut self, connection: u64) -> Result<(), Broken> {
        match self.presence.missed(connection) {
            Absence::Unsure => Ok(()),
            Absence::Lost => Err(Broken::Unheard),
            Absence::Gone => Err(Broken::Gone),
        }
    }

    fn opened(&mut self, streams: u16, all: u64, here: usize) -> Result<Event, Broken> {
        if self.reading.is_some() || (here as u64) > all {
            return Err(Broken::OutOfTurn);
        }
        if streams > STREAMS_MAX {
            return Err(Broken::TooMany(streams));
        }
        let begun = self.role == Role::Caller;
        let mut reading = vec![Reading::new(begun, here as u64 == all)];
        reading.resize(usize::from(streams) + 1, Reading::new(begun, false));
        self.reading = Some(reading);
        Ok(Event::Opened {
            streams,
            bytes: all,
        })
    }

    fn data(&mut self, stream: u16, bytes: usize) -> Result<Event, Broken> {
        match self.reading(stream)?.take(stream, bytes)? {
            Came::Wanted => Ok(Event::Data(stream)),
            Came::Unwanted => Ok(Event::Nothing),
        }
    }

    fn ended(&mut self, stream: u16, tail: usize) -> Result<Event, Broken> {
        if tail > TAIL_BYTES_MAX {
            return Err(Broken::LongTail(tail));
        }
        self.close_reading(stream, Event::End(stream))
    }

    fn close_reading(&mut self, stream: u16, event: Event) -> Result<Event, Broken> {
        match self.reading(stream)?.end()? {
            Came::Wanted => Ok(event),
            Came::Unwanted => Ok(Event::Nothing),
        }
    }

    fn granted(&mut self, stream: u16, bytes: u32) -> Result<Event, Broken> {
        let sending = self.sending(stream)?;
        sending.grant(bytes);
        match sending.closed {
            true => Ok(Event::Nothing),
            false => Ok(Event::Credit(stream)),
        }
    }

    fn stopped(&mut self, stream: u16) -> Result<Event, Broken> {
        match self.sending(stream)?.close() {
            true => Ok(Event::Stop(stream)),
            false => Ok(Event::Nothing),
        }
    }

    /// How many bytes of a stream may be sent in one frame now.
    pub fn room(&self, stream: u16) -> usize {
        self.sent(stream).map_or(0, Sending::room)
    }

    /// A frame for a piece of a stream, of at most [`Channel::room`] bytes.
    pub fn send(&mut self, stream: u16, bytes: usize) -> Result<Frame, Broken> {
        self.sending(stream)?.spend(stream, bytes)?;
        Ok(self.number(Kind::Data { stream }))
    }

    /// The last frame of a stream; none if it is closed already.
    pub fn end(&mut self, stream: u16) -> Option<Frame> {
        self.close_sending(stream, Kind::End { stream })
    }

    /// A frame that says that a stream broke off; none if it is closed already.
    pub fn fail(&mut self, stream: u16) -> Option<Frame> {
        self.close_sending(stream, Kind::Fail { stream })
    }

    fn close_sending(&mut self, stream: u16, kind: Kind) -> Option<Frame> {
        let was_open = self.sending(stream).ok()?.close();
        was_open.then(|| self.number(kind))
    }

    /// Lets the other end send up to a window of a stream that begins to be read; none if it may already,
    /// whatever it has used of it.
    pub fn begin(&mut self, stream: u16) -> Option<Frame> {
        let bytes = self.reading(stream).ok()?.begin()?;
        Some(self.grant(stream, bytes))
    }

    /// So much of what came was read, counted as [`cost`](super::cost): credit for it, once it is worth a
    /// frame.
    pub fn read(&mut self, stream: u16, cost: usize) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        reading.read(cost);
        match reading.is_worth_a_frame() {
            true => self.settle(stream),
            false => None,
        }
    }

    /// A piece without bytes came, which nobody will read: what it cost counts as read.
    pub fn pass(&mut self, stream: u16) {
        if let Ok(reading) = self.reading(stream) {
            reading.pass();
        }
    }

    /// Whether something was read of a stream that is not yet granted again.
    pub fn is_unsettled(&self, stream: u16) -> bool {
        self.came(stream).is_some_and(Reading::is_unsettled)
    }

    /// Credit for what was read and not yet granted, however little: a sign that somebody reads.
    pub fn settle(&mut self, stream: u16) -> Option<Frame> {
        let bytes = self.reading(stream).ok()?.settle()?;
        Some(self.grant(stream, bytes))
    }

    fn grant(&mut self, stream: u16, bytes: usize) -> Frame {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.number(Kind::Credit { stream, bytes })
    }

    /// A frame that says that a stream of the other end is not wanted; none if it is closed already.
    pub fn stop(&mut self, stream: u16) -> Option<Frame> {
        let was_open = self.reading(stream).ok()?.stop();
        was_open.then(|| self.number(Kind::Stop { stream }))
    }

    /// A frame that says nothing but how many were sent before it: sent where nothing came for a while, so
    /// that the server answers if the other end is gone, and the other end if frames were lost. It takes no
    /// number, so it may be lost itself.
    pub fn nudge(&mut self) -> Frame {
        self.presence.asked();
        Frame {
            number: self.next,
            kind: Kind::Here,
        }
    }

    /// A frame that says that the caller goes away.
    pub fn cancel(&mut self) -> Frame {
        self.number(Kind::Cancel)
    }

    /// Whether nothing more will be sent of a stream: it has ended or failed, or isn't wanted.
    pub fn is_closed(&self, stream: u16) -> bool {
        self.sent(stream).is_some_and(|sending| sending.closed)
    }

    /// Whether both ends have opened and every stream is closed.
    pub fn is_over(&self) -> bool {
        let sent = |all: &Vec<Sending>| all.iter().all(|stream| stream.closed);
        let read = |all: &Vec<Reading>| all.iter().all(|stream| stream.closed);
        self.sending.as_ref().is_some_and(sent) && self.reading.as_ref().is_some_and(read)
    }

    /// Whether the rest of the other end's payload is still to come.
    pub fn awaits_payload(&self) -> bool {
        self.came(PAYLOAD).is_some_and(|payload| !payload.closed)
    }

    fn sent(&self, stream: u16) -> Option<&Sending> {
        self.sending.as_ref()?.get(usize::from(stream))
    }

    fn came(&self, stream: u16) -> Option<&Reading> {
        self.reading.as_ref()?.get(usize::from(stream))
    }

    fn number(&mut self, kind: Kind) -> Frame {
        let number = self.next;
        self.next += 1;
        Frame { number, kind }
    }

    fn sending(&mut self, stream: u16) -> Result<&mut Sending, Broken> {
        let all = self.sending.as_mut().ok_or(Broken::OutOfTurn)?;
        all.get_mut(usize::from(stream))
            .ok_or(Broken::NoStream(stream))
    }

    fn reading(&mut self, stream: u16) -> Result<&mut Reading, Broken> {
        let all = self.reading.as_mut().ok_or(Broken::OutOfTurn)?;
        all.get_mut(usize::from(stream))
            .ok_or(Broken::NoStream(stream))
    }
}

#[cfg(test)]
#[path = "channel_test.rs"]
mod tests;
