//! A stream that tells what was read and written over it.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::activity::Activity;

/// What an HTTP/2 connection begins with, as far as it is needed to tell.
const PREFACE: &[u8] = b"PRI ";

/// A connection's stream.
pub(crate) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    spoken: Spoken,
}

/// What a connection's first bytes say.
#[derive(Clone, Copy)]
enum Spoken {
    /// So many bytes of the preface came.
    Unknown(usize),
    Http1,
    Http2,
}

impl Spoken {
    fn after(self, bytes: &[u8]) -> Self {
        let Self::Unknown(seen) = self else {
            return self;
        };
        let rest = PREFACE.get(seen..).unwrap_or_default();
        let compared = rest.len().min(bytes.len());
        match (
            rest.get(..compared) == bytes.get(..compared),
            compared == rest.len(),
        ) {
            (false, _) => Self::Http1,
            (true, true) => Self::Http2,
            (true, false) => Self::Unknown(seen + compared),
        }
    }
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            spoken: Spoken::Unknown(0),
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || matches!(self.spoken, Spoken::Http2) {
            return;
        }
        self.spoken = self.spoken.after(bytes);
        match self.spoken {
            Spoken::Http2 => self.activity.no_head(),
            Spoken::Http1 | Spoken::Unknown(_) => self.activity.read_of_head(),
        }
    }

    fn wrote(&self, written: Result<usize>) -> Poll<Result<usize>> {
        if let Ok(bytes) = written {
            self.activity.wrote(bytes);
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, parts));
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_is_spoken_however_they_come() {
        let spoken = |parts: &[&[u8]]| {
            parts
                .iter()
                .fold(Spoken::Unknown(0), |spoken, part| spoken.after(part))
        };
        assert!(matches!(spoken(&[b"P", b"RI * HTTP/2.0"]), Spoken::Http2));
        assert!(matches!(spoken(&[b"PRI * HTTP/2.0"]), Spoken::Http2));
        assert!(matches!(spoken(&[b"P", b"OST /"]), Spoken::Http1));
        assert!(matches!(spoken(&[b"GET"]), Spoken::Http1));
        assert!(matches!(spoken(&[b"PR", b"I"]), Spoken::Unknown(3)));
    }
}
