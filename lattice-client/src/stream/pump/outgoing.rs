//! The streams of this end.

use std::task::{Context, Poll};

use bytes::Bytes;
use lattice_protocol::error::CallError;

use super::turns::Turns;
use crate::stream::pipe::Reader;

/// A piece of a stream, or what it ended with.
pub(in crate::stream) type Piece = Option<Result<Bytes, CallError>>;

/// Streams by number; those that are over are none.
#[derive(Debug, Default)]
pub(in crate::stream) struct Outgoing {
    pub(in crate::stream) readers: Vec<Option<Reader>>,
    turns: Turns,
}

impl Outgoing {
    /// The next piece, of at most as many bytes as there is `room` for its stream. A turn is one piece,
    /// so that a stream which always has more holds up no other.
    pub(super) fn poll(
        &mut self,
        room: impl Fn(u16) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<(u16, Piece)> {
        for at in self.turns.order(self.readers.len()) {
            let (Some(Some(reader)), Ok(stream)) = (self.readers.get_mut(at), u16::try_from(at))
            else {
                continue;
            };
            let room = room(stream);
            if room == 0 {
                continue;
            }
            if let Poll::Ready(piece) = reader.poll_up_to(room, cx) {
                self.turns.took(at);
                return Poll::Ready((stream, piece));
            }
        }
        Poll::Pending
    }

    /// Takes a stream out that is over.
    pub(super) fn forget(&mut self, stream: u16) -> Option<Reader> {
        self.readers.get_mut(usize::from(stream))?.take()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const PIECE: usize = 4;

    /// Streams with so many bytes each, all there at once.
    fn outgoing(bytes: &[usize]) -> Outgoing {
        let whole = |len: &usize| Some(Reader::whole(vec![b'x'; *len].into(), Bytes::new()));
        Outgoing {
            readers: bytes.iter().map(whole).collect(),
            turns: Turns::default(),
        }
    }

    /// Whose pieces come, in order, until nothing has any more.
    fn pieces(outgoing: &mut Outgoing, room: impl Fn(u16) -> usize) -> Vec<u16> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut came = Vec::new();
        while let Poll::Ready((stream, piece)) = outgoing.poll(&room, &mut cx) {
            match piece {
                Some(piece) => assert!(piece.unwrap().len() <= PIECE),
                None => drop(outgoing.forget(stream)),
            }
            came.push(stream);
        }
        came
    }

    #[test]
    fn a_stream_that_always_has_more_holds_up_no_other() {
        let mut outgoing = outgoing(&[20 * PIECE, PIECE, 2 * PIECE]);
        let came = pieces(&mut outgoing, |_| PIECE);
        // The last turn of each is its end.
        assert_eq!(came[..8], [0, 1, 2, 0, 1, 2, 0, 2]);
        assert!(came[8..].iter().all(|stream| *stream == 0));
        assert_eq!(came.len(), 21 + 2 + 3);
    }

    #[test]
    fn a_stream_without_room_waits_and_the_others_go_on() {
        let mut outgoing = outgoing(&[PIECE, PIECE, PIECE]);
        let came = pieces(&mut outgoing, |stream| if stream == 1 { 0 } else { PIECE });
        assert_eq!(came, [0, 2, 0, 2]);
        let came = pieces(&mut outgoing, |_| PIECE);
        assert_eq!(came, [1, 1]);
    }
}
