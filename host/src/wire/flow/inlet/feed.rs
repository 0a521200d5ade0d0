//! The pipe of one stream.

use std::task::{Context, Poll};

use bytes::Bytes;
use lattice_client::stream::Reader as Pipe;
use lattice_protocol::error::CallError;

use super::{Fail, Hold};

/// What one stream comes by.
pub(super) struct Feed {
    pipe: Pipe,
    fail: Fail,
    /// It broke off: the call is ending, and the guest waits until it has.
    pub(super) failed: bool,
    _hold: Option<Hold>,
}

/// What comes next.
pub(super) enum Next {
    Piece(Bytes),
    End,
    Cancelled,
}

impl Feed {
    pub(super) fn new(pipe: Pipe, fail: Fail, hold: Option<Hold>) -> Self {
        Self {
            pipe,
            fail,
            failed: false,
            _hold: hold,
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        finish: bool,
    ) -> Poll<wasmtime::Result<Next>> {
        if self.failed {
            return waits(finish);
        }
        match self.pipe.poll_next(cx) {
            Poll::Pending => waits(finish),
            Poll::Ready(None) => Poll::Ready(Ok(Next::End)),
            Poll::Ready(Some(Ok(piece))) => Poll::Ready(Ok(Next::Piece(piece))),
            Poll::Ready(Some(Err(error))) => self.fail(error, finish),
        }
    }

    pub(super) fn fail(&mut self, error: CallError, finish: bool) -> Poll<wasmtime::Result<Next>> {
        self.failed = true;
        match (self.fail)(error) {
            Some(trap) => Poll::Ready(Err(trap)),
            None => waits(finish),
        }
    }
}

fn waits(finish: bool) -> Poll<wasmtime::Result<Next>> {
    match finish {
        true => Poll::Ready(Ok(Next::Cancelled)),
        false => Poll::Pending,
    }
}
