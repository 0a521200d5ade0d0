//! A `stream<u8>` of a guest.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::feed::{Feed, Next};

/// Bytes as they come.
pub(super) struct Octets {
    pub(super) feed: Feed,
    /// What didn't fit the guest's last read.
    pub(super) rest: Bytes,
}

impl<D: 'static> StreamProducer<D> for Octets {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            match ready!(this.feed.poll(cx, finish))? {
                Next::Piece(piece) => this.rest = piece,
                Next::End => return Poll::Ready(Ok(StreamResult::Dropped)),
                Next::Cancelled => return Poll::Ready(Ok(StreamResult::Cancelled)),
            }
        }
        // A read of nothing only asks whether there is something.
        if destination.remaining(&mut store) != Some(0) {
            let mut room = destination.as_direct(store, this.rest.len());
            let into = room.remaining();
            let len = into.len().min(this.rest.len());
            into[..len].copy_from_slice(&this.rest[..len]);
            room.mark_written(len);
            this.rest.advance(len);
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}
