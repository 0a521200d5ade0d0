//! One end of a channel: what came is checked and becomes an event, what is to be sent is numbered.
//!
//! No clock, no bytes, no I/O: whoever drives it moves the bytes.

use super::{Broken, Event, Frame, Kind, PAYLOAD, STREAMS_MAX, TAIL_BYTES_MAX, WINDOW_BYTES, cost};

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
}

/// A stream of this end.
#[derive(Debug, Clone, Copy)]
struct Sending {
    credit: usize,
    closed: bool,
}

/// A stream of the other end.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// What the other end may still send.
    credit: usize,
    /// What was read and is not yet granted again.
    read: usize,
    /// Whether the first window was granted: for a reply it is by opening.
    begun: bool,
    closed: bool,
    /// Stopped by this end: what is still on the way is passed over.
    stopped: bool,
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
        }
    }

    /// An end of a call whose request went as a plain message: the caller has no streams.
    pub fn of_plain_request(role: Role) -> Self {
        let mut channel = Self::new(role);
        match role {
            Role::Caller => {
                channel.sending = Some(vec![Sending {
                    credit: 0,
                    closed: true,
                }]);
            }
            Role::Callee => {
                channel.reading = Some(vec![Reading {
                    credit: 0,
                    read: 0,
                    begun: true,
                    closed: true,
                    stopped: false,
                }]);
            }
        }
        channel
    }

    /// Opens this end; `whole` when the frame itself has the whole payload.
    pub fn open(&mut self, streams: u16, bytes: u64, whole: bool) -> Frame {
        let credit = match self.role {
            Role::Caller => 0,
            Role::Callee => WINDOW_BYTES,
        };
        let stream = |closed| Sending { credit, closed };
        let mut sending = vec![stream(whole)];
        sending.resize(usize::from(streams) + 1, stream(false));
        self.sending = Some(sending);
        self.number(Kind::Open { streams, bytes })
    }

    /// What a frame with that many bytes means. After `Broken` the channel is of no use.
    pub fn receive(&mut self, frame: Frame, bytes: usize) -> Result<Event, Broken> {
        if frame.number < self.expected {
            return Ok(Event::Nothing);
        }
        if frame.number > self.expected {
            return Err(Broken::Lost {
                expected: self.expected,
                came: frame.number,
            });
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
        let credit = if begun { WINDOW_BYTES } else { 0 };
        let stream = |closed| Reading {
            credit,
            read: 0,
            begun,
            closed,
            stopped: false,
        };
        let mut reading = vec![stream(here as u64 == all)];
        reading.resize(usize::from(streams) + 1, stream(false));
        self.reading = Some(reading);
        Ok(Event::Opened {
            streams,
            bytes: all,
        })
    }

    fn data(&mut self, stream: u16, bytes: usize) -> Result<Event, Broken> {
        let reading = self.reading(stream)?;
        reading.credit = reading
            .credit
            .checked_sub(cost(bytes))
            .ok_or(Broken::Flood(stream))?;
        match (reading.stopped, reading.closed) {
            (true, _) => Ok(Event::Nothing),
            (false, true) => Err(Broken::OutOfTurn),
            (false, false) => Ok(Event::Data(stream)),
        }
    }

    fn ended(&mut self, stream: u16, tail: usize) -> Result<Event, Broken> {
        if tail > TAIL_BYTES_MAX {
            return Err(Broken::LongTail(tail));
        }
        self.close_reading(stream, Event::End(stream))
    }

    fn close_reading(&mut self, stream: u16, event: Event) -> Result<Event, Broken> {
        let reading = self.reading(stream)?;
        match (reading.stopped, reading.closed) {
            (true, _) => Ok(Event::Nothing),
            (false, true) => Err(Broken::OutOfTurn),
            (false, false) => {
                reading.closed = true;
                Ok(event)
            }
        }
    }

    fn granted(&mut self, stream: u16, bytes: u32) -> Result<Event, Broken> {
        let sending = self.sending(stream)?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        sending.credit = sending.credit.saturating_add(bytes);
        match sending.closed {
            true => Ok(Event::Nothing),
            false => Ok(Event::Credit(stream)),
        }
    }

    fn stopped(&mut self, stream: u16) -> Result<Event, Broken> {
        let sending = self.sending(stream)?;
        match std::mem::replace(&mut sending.closed, true) {
            true => Ok(Event::Nothing),
            false => Ok(Event::Stop(stream)),
        }
    }

    /// How many bytes of a stream may be sent in one frame now.
    pub fn room(&self, stream: u16) -> usize {
        match self.sent(stream) {
            Some(sending) if !sending.closed && sending.credit >= super::FRAME_COST_MIN => {
                sending.credit.min(super::FRAME_BYTES_MAX)
            }
            _ => 0,
        }
    }

    /// A frame for a piece of a stream, of at most [`Channel::room`] bytes.
    pub fn send(&mut self, stream: u16, bytes: usize) -> Result<Frame, Broken> {
        let sending = self.sending(stream)?;
        sending.credit = sending
            .credit
            .checked_sub(cost(bytes))
            .ok_or(Broken::Flood(stream))?;
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
        let sending = self.sending(stream).ok()?;
        if std::mem::replace(&mut sending.closed, true) {
            return None;
        }
        Some(self.number(kind))
    }

    /// Lets the other end send up to a window of a stream that begins to be read; none if it may already,
    /// whatever it has used of it.
    pub fn begin(&mut self, stream: u16) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        if reading.closed || std::mem::replace(&mut reading.begun, true) {
            return None;
        }
        self.grant(stream, WINDOW_BYTES)
    }

    /// So much of what came was read, counted as [`cost`]: credit for it, once it is worth a frame.
    pub fn read(&mut self, stream: u16, cost: usize) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        reading.read = reading.read.saturating_add(cost);
        if reading.read < WINDOW_BYTES / 2 {
            return None;
        }
        self.settle(stream)
    }

    /// A piece without bytes came, which nobody will read: what it cost counts as read.
    pub fn pass(&mut self, stream: u16) {
        if let Ok(reading) = self.reading(stream) {
            reading.read = reading.read.saturating_add(cost(0));
        }
    }

    /// Whether something was read of a stream that is not yet granted again.
    pub fn is_unsettled(&self, stream: u16) -> bool {
        self.came(stream)
            .is_some_and(|reading| !reading.closed && reading.read > 0)
    }

    /// Credit for what was read and not yet granted, however little: a sign that somebody reads.
    pub fn settle(&mut self, stream: u16) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        if reading.closed || reading.read == 0 {
            return None;
        }
        let bytes = std::mem::take(&mut reading.read);
        self.grant(stream, bytes)
    }

    fn grant(&mut self, stream: u16, bytes: usize) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        reading.credit = reading.credit.saturating_add(bytes);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Some(self.number(Kind::Credit { stream, bytes }))
    }

    /// A frame that says that a stream of the other end is not wanted; none if it is closed already.
    pub fn stop(&mut self, stream: u16) -> Option<Frame> {
        let reading = self.reading(stream).ok()?;
        if reading.closed {
            return None;
        }
        reading.closed = true;
        reading.stopped = true;
        Some(self.number(Kind::Stop { stream }))
    }

    /// A frame that says nothing: sent where nothing came for a while, so that the server answers if the
    /// other end is gone. It has the number of one that came before, which is passed over; an end that
    /// has sent none yet begins its count with it.
    pub fn nudge(&mut self) -> Frame {
        let kind = Kind::Credit {
            stream: PAYLOAD,
            bytes: 0,
        };
        match self.next {
            0 => self.number(kind),
            _ => Frame { number: 0, kind },
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
