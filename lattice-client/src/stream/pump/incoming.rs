//! The streams of the other end.

use std::task::{Context, Poll};
use std::time::Instant;

use super::turns::Turns;
use crate::stream::WINDOW_BYTES;
use crate::stream::pipe::{Reader, Writer, pipe_with};
use crate::stream::progress::Progress;

/// Streams by number; those that are over are none.
#[derive(Default)]
pub(in crate::stream) struct Incoming {
    streams: Vec<Option<Stream>>,
    turns: Turns,
}

/// One of them.
pub(super) struct Stream {
    pub(super) writer: Writer,
    pub(super) begun: bool,
    /// When its writer heard last that it is read.
    pub(super) granted: Instant,
}

/// What its reader did.
pub(super) enum Did {
    /// Read so much.
    Took(usize),
    /// Let go of it.
    Left,
}

impl Incoming {
    /// What the reader of one of them did, each in its turn.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u16, Did)> {
        for at in self.turns.order(self.streams.len()) {
            let (Some(Some(stream)), Ok(number)) = (self.streams.get_mut(at), u16::try_from(at))
            else {
                continue;
            };
            let did = match stream.writer.poll_closed(cx) {
                Poll::Ready(_) => Poll::Ready(Did::Left),
                Poll::Pending => stream.writer.poll_taken(stream.begun, cx).map(Did::Took),
            };
            if let Poll::Ready(did) = did {
                self.turns.took(at);
                return Poll::Ready((number, did));
            }
        }
        Poll::Pending
    }

    /// Makes those that the other end has opened.
    pub(super) fn open(&mut self, streams: u16, progress: &Progress) -> Vec<Reader> {
        // The payload has the number 0, and is no stream.
        self.streams.push(None);
        let mut readers = Vec::with_capacity(usize::from(streams));
        for _ in 0..streams {
            let (writer, reader) = pipe_with(WINDOW_BYTES, progress.clone());
            self.streams.push(Some(Stream {
                writer,
                begun: false,
                granted: Instant::now(),
            }));
            readers.push(reader);
        }
        readers
    }

    pub(super) fn get(&self, stream: u16) -> Option<&Stream> {
        self.streams.get(usize::from(stream))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, stream: u16) -> Option<&mut Stream> {
        self.streams.get_mut(usize::from(stream))?.as_mut()
    }

    /// Takes a stream out that is over.
    pub(super) fn forget(&mut self, stream: u16) -> Option<Writer> {
        let stream = self.streams.get_mut(usize::from(stream))?.take()?;
        Some(stream.writer)
    }

    /// Takes all out.
    pub(super) fn forget_all(&mut self) -> impl Iterator<Item = Writer> {
        let taken = self.streams.iter_mut().filter_map(Option::take);
        taken.map(|stream| stream.writer)
    }

    /// The numbers of all that were ever opened.
    pub(super) fn numbers(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.streams.len()).unwrap_or(u16::MAX)
    }
}
