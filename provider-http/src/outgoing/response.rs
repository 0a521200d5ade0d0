//! A response on its way back: its head, and its body, whole if it is short and there, else as it comes.
//!
//! The server is read as fast as the actor reads. A body that doesn't come to its end is an error in the
//! stream, never an early end; an actor that reads no further closes the connection, or the HTTP/2 stream.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use lattice_client::stream::{Reader, Writer, pipe};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::{
    Body, INLINE_BYTES_MAX, OutgoingError as Fault, Response, write_trailers,
};
use tokio::time::Instant;
use tracing::debug;

use super::exchange::{Begun, Stopper};
use super::fault;
use super::fields;
use super::pool::Lease;

/// How long a body that is not all there is waited for before it is sent on piece by piece: a message
/// that is saved is worth more.
const LINGER: Duration = Duration::from_millis(2);
/// What waits here for an actor that reads: a few reads of a connection.
const WINDOW_BYTES: usize = 64 * 1024;

/// A response's body that is still coming, with what it comes on.
struct Coming {
    body: Incoming,
    lease: Lease,
    watch: Stopper,
    patience: Duration,
}

/// What comes next.
enum Next {
    Piece(Bytes),
    Trailers(HeaderMap),
    End,
}

/// A body as far as it was there at once.
enum Gathered {
    Whole,
    Begun,
    /// To its end, which has trailers.
    Ended(HeaderMap),
}

/// The response as the actor gets it, with its stream if it has one.
pub(super) async fn read(
    begun: Begun,
    patience: Duration,
) -> Result<(Response, Option<Reader>), Fault> {
    let Begun {
        response,
        lease,
        watch,
    } = begun;
    let (parts, body) = response.into_parts();
    let headers =
        fields::to_actor(parts.headers).map_err(|_| Fault::HttpResponseHeaderSectionSize)?;
    let mut coming = Coming {
        body,
        lease,
        watch,
        patience,
    };
    let mut first = BytesMut::new();
    let gathered = coming.gather(&mut first).await?;
    let first = first.freeze();
    let (body, stream) = match gathered {
        Gathered::Whole => {
            coming.leave();
            (Body::Whole(first), None)
        }
        Gathered::Ended(trailers) => {
            coming.leave();
            let tail = tail(trailers).map_err(|_| Fault::HttpProtocolError)?;
            (Body::Stream(1), Some(Reader::whole(first, tail)))
        }
        Gathered::Begun => {
            let (mut writer, reader) = pipe(WINDOW_BYTES);
            writer.push(first);
            // Ends with the reader, or with the response.
            tokio::spawn(coming.pass(writer));
            (Body::Stream(1), Some(reader))
        }
    };
    let response = Response {
        status: parts.status.as_u16(),
        headers,
        body,
    };
    Ok((response, stream))
}

impl Coming {
    async fn gather(&mut self, first: &mut BytesMut) -> Result<Gathered, Fault> {
        let length = self.body.size_hint().lower();
        if length > INLINE_BYTES_MAX as u64 {
            return Ok(Gathered::Begun);
        }
        let until = Instant::now() + LINGER;
        loop {
            if first.len() > INLINE_BYTES_MAX {
                return Ok(Gathered::Begun);
            }
            let next = tokio::select! {
                biased;
                next = next(&mut self.body) => next,
                () = tokio::time::sleep_until(until) => return Ok(Gathered::Begun),
            };
            match next.map_err(|error| fault::of_body(&error))? {
                Next::Piece(piece) => first.extend_from_slice(&piece),
                Next::Trailers(trailers) => return Ok(Gathered::Ended(trailers)),
                Next::End => return Ok(Gathered::Whole),
            }
        }
    }

    /// Passes the body on to its end.
    async fn pass(mut self, mut writer: Writer) {
        loop {
            if poll_fn(|cx| writer.poll_ready(cx)).await.is_err() {
                return;
            }
            let next = tokio::select! {
                biased;
                next = tokio::time::timeout(self.patience, next(&mut self.body)) => next,
                _ = writer.closed() => return,
            };
            match next {
                Ok(Ok(Next::Piece(piece))) => writer.push(piece),
                Ok(Ok(Next::End)) => {
                    writer.end(Bytes::new());
                    return self.settle().await;
                }
                Ok(Ok(Next::Trailers(trailers))) => {
                    match tail(trailers) {
                        Ok(tail) => writer.end(tail),
                        Err(error) => writer.fail(error),
                    }
                    return self.settle().await;
                }
                Ok(Err(error)) => return writer.fail(broken(&error)),
                Err(_) => return writer.fail(silent(self.patience)),
            }
        }
    }

    /// The response is over; nobody waits for the rest.
    fn leave(self) {
        let (watch, patience) = (self.watch, self.patience);
        if let Some(lease) = self.lease.settled() {
            tokio::spawn(async move { lease.settle(watch.watch(), patience).await });
        }
    }

    async fn settle(self) {
        self.lease.settle(self.watch.watch(), self.patience).await;
    }
}

async fn next(body: &mut Incoming) -> Result<Next, hyper::Error> {
    loop {
        let Some(frame) = body.frame().await else {
            return Ok(Next::End);
        };
        match frame?.into_data() {
            Ok(piece) if piece.is_empty() => {}
            Ok(piece) => return Ok(Next::Piece(piece)),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Ok(Next::Trailers(trailers));
                }
            }
        }
    }
}

fn tail(trailers: HeaderMap) -> Result<Bytes, CallError> {
    let refused = |reason: &str| CallError::begun(ErrorCode::TooLarge, reason);
    let fields =
        fields::to_actor(trailers).map_err(|_| refused("the response's trailers are too large"))?;
    write_trailers(&fields).map_err(|_| refused("the response's trailers can't be written"))
}

fn broken(error: &hyper::Error) -> CallError {
    debug!(%error, "a response broke off");
    CallError::begun(
        ErrorCode::Unavailable,
        format!("the response broke off: {error}"),
    )
}

fn silent(patience: Duration) -> CallError {
    let ms = patience.as_millis();
    CallError::begun(
        ErrorCode::Deadline,
        format!("the server sent nothing of the response's body for {ms} ms"),
    )
}
