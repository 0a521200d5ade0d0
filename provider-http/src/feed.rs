//! A request's body on its way to the actor, piece by piece.
//!
//! The client is asked for more only when there is room in the pipe, so it is read as fast as the
//! actor reads. What comes is held to `body_bytes_max`, to `body_timeout_ms` of silence, and to
//! a least pace; time in which the client waits for us doesn't count. Trailers are the stream's tail.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use lattice_client::stream::{Reader, Writer, pipe};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::write_trailers;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use crate::activity::RATE_MIN;
use crate::admission::Share;
use crate::body;
use crate::config::Limits;
use crate::headers;
use crate::status::Refusal;

/// What waits here for an actor that reads: a few reads of a connection.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;

/// A body under way. Dropping this ends it: the rest is not wanted.
#[derive(Debug)]
pub(crate) struct Feed {
    broken: Option<oneshot::Receiver<Refusal>>,
    _stop: DropGuard,
}

/// How a body came to its end.
enum Poured {
    /// With this tail.
    Whole(Bytes),
    /// Nobody reads it any more.
    Unwanted,
}

/// Begins to pass a body on; `share` has its window until it ends.
pub(crate) fn begin(body: Incoming, limits: &Limits, share: Share) -> (Feed, Reader) {
    let (writer, reader) = pipe(WINDOW_BYTES);
    let stop = CancellationToken::new();
    let (report, broken) = oneshot::channel();
    let feed = Feed {
        broken: Some(broken),
        _stop: stop.clone().drop_guard(),
    };
    tokio::spawn(run(body, writer, limits.clone(), stop, report, share));
    (feed, reader)
}

impl Feed {
    /// Ready when the body can't be passed on to its end, through its client's fault.
    pub(crate) fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        let Some(broken) = &mut self.broken else {
            return Poll::Pending;
        };
        match ready!(std::pin::Pin::new(broken).poll(cx)) {
            Ok(refusal) => Poll::Ready(refusal),
            Err(_) => {
                self.broken = None;
                Poll::Pending
            }
        }
    }

    /// Returns when the body can't be passed on to its end, through its client's fault.
    pub(crate) async fn broken(&mut self) -> Refusal {
        poll_fn(|cx| self.poll_broken(cx)).await
    }
}

async fn run(
    mut body: Incoming,
    mut writer: Writer,
    limits: Limits,
    stop: CancellationToken,
    report: oneshot::Sender<Refusal>,
    _share: Share,
) {
    let poured = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(Poured::Unwanted),
        poured = pour(&mut body, &mut writer, &limits) => poured,
    };
    match poured {
        Ok(Poured::Whole(tail)) => writer.end(tail),
        Ok(Poured::Unwanted) => {
            drop(writer);
            body::discard(body).await;
        }
        Err(refusal) => {
            // Whoever would answer the client may have ended already.
            let _ = report.send(refusal);
            writer.fail(CallError::begun(ErrorCode::Cancelled, refusal.detail));
            if refusal == Refusal::TOO_LARGE {
                body::discard(body).await;
            }
        }
    }
}

async fn pour(
    body: &mut Incoming,
    writer: &mut Writer,
    limits: &Limits,
) -> Result<Poured, Refusal> {
    let mut pace = Pace::new(limits.body_timeout);
    loop {
        if poll_fn(|cx| writer.poll_ready(cx)).await.is_err() {
            return Ok(Poured::Unwanted);
        }
        let asked = Instant::now();
        let frame = tokio::select! {
            frame = tokio::time::timeout(limits.body_timeout, body.frame()) => frame,
            _ = writer.closed() => return Ok(Poured::Unwanted),
        };
        let frame = match frame.map_err(|_| Refusal::SLOW_BODY)? {
            None => return Ok(Poured::Whole(Bytes::new())),
            Some(frame) => frame.map_err(|_| Refusal::BROKEN_BODY)?,
        };
        let frame = match frame.into_data() {
            Ok(piece) => {
                pace.took(piece.len(), asked.elapsed())?;
                if pace.bytes > limits.body_bytes_max {
                    return Err(Refusal::TOO_LARGE);
                }
                writer.push(piece);
                continue;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            return trailers_of(&trailers).map(Poured::Whole);
        }
    }
}

fn trailers_of(trailers: &http::HeaderMap) -> Result<Bytes, Refusal> {
    write_trailers(&headers::trailers_to_actor(trailers)?).map_err(|error| {
        warn!(%error, "trailers can't be written");
        Refusal::INTERNAL
    })
}

/// How fast a client sends.
struct Pace {
    grace: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    fn new(grace: Duration) -> Self {
        Self {
            grace,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Counts a piece that was waited for.
    fn took(&mut self, bytes: usize, waited: Duration) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.waited += waited;
        let least = self.waited.as_secs_f64() * RATE_MIN as f64;
        if self.waited > self.grace && (self.bytes as f64) < least {
            return Err(Refusal::SLOW_BODY);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_that_drips_is_too_slow_once_its_grace_is_over() {
        let mut pace = Pace::new(10 * SECOND);
        for _ in 0..10 {
            pace.took(1, SECOND).unwrap();
        }
        assert_eq!(pace.took(1, SECOND), Err(Refusal::SLOW_BODY));
    }

    #[test]
    fn a_slow_but_steady_client_is_not() {
        let mut pace = Pace::new(10 * SECOND);
        for _ in 0..1000 {
            pace.took(RATE_MIN as usize + 1, SECOND).unwrap();
        }
    }
}
