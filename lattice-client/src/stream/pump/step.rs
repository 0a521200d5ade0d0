//! What happens to a channel, one thing after another.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use async_nats::Message;
use lattice_protocol::frame::SILENCE_MAX;

use super::incoming::Did;
use super::{GRANTS_PER_PATIENCE, Piece, Pump};

/// What happened.
pub(in crate::stream) enum Step {
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
    /// What happens next.
    pub(in crate::stream) async fn step(&mut self) -> Step {
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

    /// When the writer of a stream should hear that it is still read.
    fn due(&self, stream: u16) -> Option<Instant> {
        let incoming = self.incoming.get(stream)?;
        let is_read = self.machine.is_unsettled(stream);
        is_read.then(|| incoming.granted + self.patience / GRANTS_PER_PATIENCE)
    }

    pub(super) fn is_due(&self, stream: u16) -> bool {
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
}
