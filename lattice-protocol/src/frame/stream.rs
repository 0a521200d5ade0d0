//! One stream, as either end knows it: its credit, and whether it is closed.

use super::{Broken, FRAME_BYTES_MAX, FRAME_COST_MIN, WINDOW_BYTES, cost};

/// A stream of this end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    credit: usize,
    pub(super) closed: bool,
}

impl Sending {
    pub(super) fn new(credit: usize, closed: bool) -> Self {
        Self { credit, closed }
    }

    /// How many bytes may go in one frame now.
    pub(super) fn room(&self) -> usize {
        match !self.closed && self.credit >= FRAME_COST_MIN {
            true => self.credit.min(FRAME_BYTES_MAX),
            false => 0,
        }
    }

    /// A piece is sent.
    pub(super) fn spend(&mut self, stream: u16, bytes: usize) -> Result<(), Broken> {
        self.credit = spent(self.credit, stream, bytes)?;
        Ok(())
    }

    /// So many bytes more may be sent.
    pub(super) fn grant(&mut self, bytes: u32) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.credit = self.credit.saturating_add(bytes);
    }

    /// Closes it; whether it was open.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }
}

/// A stream of the other end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// What the other end may still send.
    credit: usize,
    /// What was read and is not yet granted again.
    read: usize,
    /// Whether the first window was granted: for a reply it is by opening.
    begun: bool,
    pub(super) closed: bool,
    /// Stopped by this end: what is still on the way is passed over.
    stopped: bool,
}

/// What came of a stream.
pub(super) enum Came {
    /// What is to be heeded.
    Wanted,
    /// What was on the way when it was stopped.
    Unwanted,
}

impl Reading {
    pub(super) fn new(begun: bool, closed: bool) -> Self {
        Self {
            credit: if begun { WINDOW_BYTES } else { 0 },
            read: 0,
            begun,
            closed,
            stopped: false,
        }
    }

    /// A piece comes.
    pub(super) fn take(&mut self, stream: u16, bytes: usize) -> Result<Came, Broken> {
        self.credit = spent(self.credit, stream, bytes)?;
        self.came()
    }

    /// Its end comes, of whichever kind.
    pub(super) fn end(&mut self) -> Result<Came, Broken> {
        let came = self.came()?;
        self.closed = true;
        Ok(came)
    }

    fn came(&self) -> Result<Came, Broken> {
        match (self.stopped, self.closed) {
            (true, _) => Ok(Came::Unwanted),
            (false, true) => Err(Broken::OutOfTurn),
            (false, false) => Ok(Came::Wanted),
        }
    }

    /// It begins to be read: the first window, unless that was granted.
    pub(super) fn begin(&mut self) -> Option<usize> {
        if self.closed || std::mem::replace(&mut self.begun, true) {
            return None;
        }
        self.grant(WINDOW_BYTES)
    }

    /// So much of it was read, as [`cost`] counts.
    pub(super) fn read(&mut self, cost: usize) {
        self.read = self.read.saturating_add(cost);
    }

    /// A piece without bytes counts as read by coming.
    pub(super) fn pass(&mut self) {
        self.read(cost(0));
    }

    pub(super) fn is_unsettled(&self) -> bool {
        !self.closed && self.read > 0
    }

    /// Whether what was read is worth a frame.
    pub(super) fn is_worth_a_frame(&self) -> bool {
        self.read >= WINDOW_BYTES / 2
    }

    /// Grants again what was read.
    pub(super) fn settle(&mut self) -> Option<usize> {
        if !self.is_unsettled() {
            return None;
        }
        let bytes = std::mem::take(&mut self.read);
        self.grant(bytes)
    }

    fn grant(&mut self, bytes: usize) -> Option<usize> {
        self.credit = self.credit.saturating_add(bytes);
        Some(bytes)
    }

    /// Stops it; whether it was open.
    pub(super) fn stop(&mut self) -> bool {
        if self.closed {
            return false;
        }
        self.closed = true;
        self.stopped = true;
        true
    }
}

/// What is left of a credit after a frame.
fn spent(credit: usize, stream: u16, bytes: usize) -> Result<usize, Broken> {
    let left = credit.checked_sub(cost(bytes));
    left.ok_or(Broken::Flood(stream))
}
