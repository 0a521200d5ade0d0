//! A request's body on its way out: whole, or as the actor writes it.
//!
//! hyper asks for a piece when the server takes more, so the actor writes as fast as the server reads.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use lattice_client::stream::{Progress, Reader};
use lattice_protocol::standard::http::{OutgoingError as Fault, read_trailers};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::fields;

/// Who has to do something for a body to move.
const SERVER: u8 = 0;
const ACTOR: u8 = 1;
const NOBODY: u8 = 2;

/// A request's body.
pub(super) struct Upload {
    content: Content,
    /// What is left of the length that was announced.
    left: Option<u64>,
    watch: Arc<Watch>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Content {
    Whole(Bytes),
    Streamed(Reader),
    Ended,
}

/// How a body is doing, for whoever waits for the response.
#[derive(Debug, Default)]
pub(super) struct Watch {
    progress: Progress,
    turn: AtomicU8,
    broken: OnceLock<Broken>,
    stop: CancellationToken,
}

/// Why a body broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("the actor broke the request off: {0}")]
    ByActor(String),
    #[error("the request's body has another length than its content-length")]
    Length,
    #[error("the request's trailers are no header fields")]
    Trailers,
    #[error("nobody waits for the response any more")]
    Unwanted,
}

impl Upload {
    /// A body that is there.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::new(Content::Whole(bytes), None)
    }

    /// A body that comes, of an announced length if there is one.
    pub(super) fn streamed(reader: Reader, length: Option<u64>) -> Self {
        Self::new(Content::Streamed(reader), length)
    }

    fn new(content: Content, left: Option<u64>) -> Self {
        let watch = Arc::new(Watch::default());
        if matches!(&content, Content::Whole(bytes) if bytes.is_empty()) {
            // hyper won't ask for it.
            watch.turn(NOBODY);
        }
        let stopped = Box::pin(watch.stop.clone().cancelled_owned());
        Self {
            content,
            left,
            watch,
            stopped,
        }
    }

    /// How it is doing.
    pub(super) fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let reader = match &mut self.content {
            Content::Ended => return Poll::Ready(None),
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.content = Content::Ended;
                let piece = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
                return Poll::Ready(piece);
            }
            Content::Streamed(reader) => reader,
        };
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Broken::Unwanted)));
        }
        let Poll::Ready(next) = reader.poll_next(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match next {
            Some(Ok(piece)) => Some(self.piece(piece)),
            Some(Err(error)) => Some(Err(Broken::ByActor(error.message))),
            None => {
                let tail = reader.tail();
                self.content = Content::Ended;
                self.end(&tail)
            }
        })
    }

    fn piece(&mut self, piece: Bytes) -> Result<Frame<Bytes>, Broken> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(piece.len() as u64).ok_or(Broken::Length)?;
        }
        Ok(Frame::data(piece))
    }

    fn end(&self, tail: &[u8]) -> Option<Result<Frame<Bytes>, Broken>> {
        if self.left.is_some_and(|left| left > 0) {
            return Some(Err(Broken::Length));
        }
        let trailers = read_trailers(tail)
            .ok()
            .and_then(|trailers| fields::trailers_to_server(trailers).ok());
        match trailers {
            None => Some(Err(Broken::Trailers)),
            Some(trailers) if trailers.is_empty() => None,
            Some(trailers) => Some(Ok(Frame::trailers(trailers))),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let next = self.poll_next(cx);
        if let Poll::Ready(Some(Err(broken))) = &next {
            self.content = Content::Ended;
            // The first reason is the one.
            let _ = self.watch.broken.set(broken.clone());
        }
        self.watch.turn(match (&next, &self.content) {
            (_, Content::Ended) => NOBODY,
            (Poll::Pending, _) => ACTOR,
            (Poll::Ready(_), _) => SERVER,
        });
        next
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Streamed(_) => false,
            Content::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.content, self.left) {
            (Content::Whole(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            (Content::Streamed(_), Some(left)) => SizeHint::with_exact(left),
            (Content::Streamed(_), None) => SizeHint::default(),
            (Content::Ended, _) => SizeHint::with_exact(0),
        }
    }
}

impl Watch {
    fn turn(&self, whose: u8) {
        self.progress.touch();
        self.turn.store(whose, Ordering::Relaxed);
    }

    /// The request is sent now.
    pub(super) fn begin(&self) {
        self.progress.touch();
    }

    /// Why the body broke off, if it did.
    pub(super) fn broken(&self) -> Option<Fault> {
        match self.broken.get()? {
            Broken::Length | Broken::Trailers => Some(Fault::HttpRequestBodySize),
            Broken::ByActor(_) | Broken::Unwanted => Some(Fault::ConnectionTerminated),
        }
    }

    /// Returns when the server has done nothing for `patience`; time in which it waits for the actor
    /// doesn't count.
    pub(super) async fn stalled(&self, patience: Duration) -> Fault {
        loop {
            self.progress.silence(patience).await;
            match self.turn.load(Ordering::Relaxed) {
                ACTOR => self.progress.touch(),
                SERVER => return Fault::ConnectionWriteTimeout,
                _ => return Fault::HttpResponseTimeout,
            }
        }
    }

    /// Returns when nothing has moved for `patience`, whoever's fault that is.
    pub(super) async fn silence(&self, patience: Duration) {
        self.progress.silence(patience).await;
    }

    /// Nothing more of the body is wanted.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}
