//! Bodies: streams of the lattice as wasmtime takes them, and guests' bodies as the lattice does.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use lattice_client::stream::{Reader, Writer};
use lattice_protocol::standard::http::{FieldValue, read_trailers, write_trailers};
use wasmtime_wasi_http::Error;

use super::broken::Of;
use super::headers::{self, Room};

/// How long a body that is not all there is waited for before it is sent piece by piece: the time of one
/// call to a provider, as a message saved is worth more than that, and nobody sees it.
pub(super) const LINGER: Duration = Duration::from_millis(2);

/// A stream of the lattice as a body.
pub(super) struct Streamed {
    reader: Reader,
    of: Of,
    ended: bool,
}

impl Streamed {
    pub(super) fn new(reader: Reader, of: Of) -> Self {
        Self {
            reader,
            of,
            ended: false,
        }
    }

    /// What comes after the last piece.
    fn trailers(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let tail = self.reader.tail();
        if tail.is_empty() {
            return None;
        }
        let trailers = read_trailers(&tail)
            .ok()
            .and_then(|fields| headers::read(fields, Room::MOST).ok());
        Some(
            trailers
                .map(Frame::trailers)
                .ok_or(Error::HttpProtocolError),
        )
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.reader.poll_next(cx).map(|piece| match piece {
            Some(Ok(piece)) => Some(Ok(Frame::data(piece))),
            Some(Err(error)) => {
                self.ended = true;
                Some(Err(self.of.broken(error.code)))
            }
            None => self.trailers(),
        })
    }
}

/// A body as far as it was there at once.
pub(super) enum Gathered {
    /// All of it.
    Whole(Bytes),
    /// Its beginning; the rest comes later, or has trailers.
    Begun(Bytes, Option<::http::HeaderMap>),
    /// It has more than it may.
    TooLarge,
}

/// How much of a body is gathered, and what becomes of a longer one.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) bytes_max: usize,
    /// Whether the rest may come as a stream.
    pub(super) streams: bool,
}

/// Gathers a body: up to a limit, and, if the rest may be a stream, for a moment. Dropped half-way it
/// loses nothing of the body but what it has gathered.
pub(super) async fn gather<B>(body: &mut B, wanted: Wanted) -> Result<Gathered, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut pieces = Pieces::default();
    let mut patience = std::pin::pin!(tokio::time::sleep(LINGER));
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = &mut patience, if wanted.streams => {
                return Ok(Gathered::Begun(pieces.whole(), None));
            }
        };
        let Some(frame) = frame else {
            return Ok(Gathered::Whole(pieces.whole()));
        };
        match frame?.into_data() {
            Ok(piece) => pieces.add(piece),
            Err(trailers) if wanted.streams => {
                let trailers = trailers.into_trailers().ok();
                return Ok(Gathered::Begun(pieces.whole(), trailers));
            }
            Err(_) => {}
        }
        if pieces.bytes > wanted.bytes_max {
            return Ok(match wanted.streams {
                true => Gathered::Begun(pieces.whole(), None),
                false => Gathered::TooLarge,
            });
        }
    }
}

/// What comes next of a body that is sent on.
pub(super) enum Next {
    Piece(Bytes),
    Trailers(::http::HeaderMap),
    End,
    Unwanted,
    Broken(String),
}

/// The next piece, once there is room for it.
pub(super) async fn next<B>(body: &mut B, writer: &mut Writer) -> Next
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    if poll_fn(|cx| writer.poll_ready(cx)).await.is_err() {
        return Next::Unwanted;
    }
    let frame = tokio::select! {
        biased;
        frame = body.frame() => frame,
        _ = writer.closed() => return Next::Unwanted,
    };
    match frame {
        None => Next::End,
        Some(Err(error)) => Next::Broken(error.to_string()),
        Some(Ok(frame)) => match frame.into_data() {
            Ok(piece) => Next::Piece(piece),
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => Next::Trailers(trailers),
                Err(_) => Next::Piece(Bytes::new()),
            },
        },
    }
}

/// Trailers as the tail of a stream.
pub(super) fn tail(trailers: Option<&::http::HeaderMap>) -> Bytes {
    let fields: Vec<(String, FieldValue)> = trailers.map(headers::write).unwrap_or_default();
    // Strings and bytes: there is nothing in them that can't be written.
    write_trailers(&fields).unwrap_or_default()
}

/// Pieces of a body; a single one is not copied.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    more: BytesMut,
    bytes: usize,
}

impl Pieces {
    fn add(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if self.first.is_empty() && self.more.is_empty() {
            self.first = piece;
            return;
        }
        if !self.first.is_empty() {
            self.more
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        match self.more.is_empty() {
            true => self.first,
            false => self.more.freeze(),
        }
    }
}

#[cfg(test)]
#[path = "body_test.rs"]
mod tests;
