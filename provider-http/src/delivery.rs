//! A response's body on its way to the client: whole, or as it comes from the actor.
//!
//! hyper asks for a piece when the client has room for it, and the actor can write on when a piece
//! was taken. A body that doesn't come to its end is an error here, so that hyper breaks the
//! connection (HTTP/1) or resets the stream (HTTP/2): its client must not take a part for the whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use lattice_client::stream::Reader;
use lattice_protocol::standard::http::read_trailers;
use tracing::{debug, warn};

use crate::access::{End, Entry};
use crate::activity::Exchange;
use crate::admission::Share;
use crate::feed::Feed;
use crate::headers;

/// The body of a response.
#[derive(Debug)]
pub(crate) struct Delivery {
    content: Content,
    /// The request's line in the access log, which ends with it.
    entry: Option<Entry>,
}

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Streamed(Box<Streamed>),
    /// Broken off.
    Broken,
}

/// A body that is still coming, with what has to last as long.
#[derive(Debug)]
struct Streamed {
    reader: Reader,
    /// What is left of the length that the actor announced.
    left: Option<u64>,
    company: Option<Company>,
}

/// What accompanies a response until its client has it.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) exchange: Exchange,
    /// The request's body, if it is a stream.
    pub(crate) feed: Option<Feed>,
    /// The request's place among those in flight.
    pub(crate) _place: Option<Share>,
}

/// Why a response broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the actor broke the body off: {0}")]
    ByActor(String),
    #[error("the body has another length than was announced")]
    Length,
    #[error("the request's body was refused: {0}")]
    Request(&'static str),
    #[error("the trailers are no header fields")]
    Trailers,
}

impl Delivery {
    /// A body that is there.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self {
            content: Content::Whole(bytes.into()),
            entry: None,
        }
    }

    /// A body that comes, of an announced length if there is one.
    pub(crate) fn streamed(reader: Reader, length: Option<u64>) -> Self {
        let streamed = Streamed {
            reader,
            left: length,
            company: None,
        };
        Self {
            content: Content::Streamed(Box::new(streamed)),
            entry: None,
        }
    }

    /// The length of a body that is there.
    pub(crate) fn whole_len(&self) -> Option<u64> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes.len() as u64),
            Content::Streamed(_) | Content::Broken => None,
        }
    }

    /// The same without its bytes: the answer to a `HEAD`.
    pub(crate) fn clear(&mut self) {
        self.content = Content::Whole(Bytes::new());
    }

    /// Sends it on its way: with it goes what has to last until a stream has ended, and the line that
    /// is written then.
    pub(crate) fn depart(&mut self, mut company: Company, entry: Option<Entry>) {
        company.exchange.answered();
        self.entry = entry;
        match &mut self.content {
            Content::Streamed(streamed) => streamed.company = Some(company),
            Content::Whole(_) | Content::Broken => {}
        }
        self.note(0);
    }

    fn note(&mut self, bytes: usize) {
        let end = match &self.content {
            Content::Whole(rest) if rest.is_empty() => Some(End::Complete),
            Content::Broken => Some(End::Broken),
            Content::Whole(_) | Content::Streamed(_) => None,
        };
        if let Some(entry) = &mut self.entry {
            entry.bytes += bytes as u64;
            entry.end = end.unwrap_or(entry.end);
        }
    }
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let next = match &mut self.content {
            Content::Broken => return Poll::Ready(None),
            Content::Whole(rest) if rest.is_empty() => return Poll::Ready(None),
            Content::Whole(rest) => Some(Ok(Frame::data(std::mem::take(rest)))),
            Content::Streamed(streamed) => match streamed.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            },
        };
        let bytes = match &next {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(error)) => {
                debug!(%error, "a response broke off");
                self.content = Content::Broken;
                0
            }
            None => 0,
        };
        let is_last = next.is_none() || matches!(&next, Some(Ok(frame)) if frame.is_trailers());
        if is_last {
            self.content = Content::Whole(Bytes::new());
        }
        self.note(bytes);
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(rest) if rest.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(rest) => SizeHint::with_exact(rest.len() as u64),
            Content::Streamed(_) | Content::Broken => SizeHint::default(),
        }
    }
}

impl Streamed {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(feed) = self.company.as_mut().and_then(|c| c.feed.as_mut())
            && let Poll::Ready(refusal) = feed.poll_broken(cx)
        {
            return Poll::Ready(Some(Err(Broken::Request(refusal.detail))));
        }
        let Poll::Ready(next) = self.reader.poll_next(cx) else {
            if let Some(company) = &mut self.company {
                company.exchange.wait_for_actor();
            }
            return Poll::Pending;
        };
        if let Some(company) = &mut self.company {
            company.exchange.wait_for_client();
        }
        Poll::Ready(match next {
            Some(Ok(piece)) => Some(self.piece(piece)),
            Some(Err(error)) => {
                // What broke off in the middle no status can tell any more.
                warn!(code = %error.code, message = error.message, "a response's body broke off");
                Some(Err(Broken::ByActor(error.to_string())))
            }
            None => self.end(),
        })
    }

    fn piece(&mut self, piece: Bytes) -> Result<Frame<Bytes>, Broken> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(piece.len() as u64).ok_or(Broken::Length)?;
        }
        Ok(Frame::data(piece))
    }

    fn end(&mut self) -> Option<Result<Frame<Bytes>, Broken>> {
        if self.left.is_some_and(|left| left > 0) {
            return Some(Err(Broken::Length));
        }
        let trailers = read_trailers(&self.reader.tail()).map_err(|_| Broken::Trailers);
        let trailers = trailers
            .and_then(|fields| headers::trailers_to_client(fields).map_err(|_| Broken::Trailers));
        match trailers {
            Ok(trailers) if trailers.is_empty() => None,
            Ok(trailers) => Some(Ok(Frame::<Bytes>::trailers(trailers))),
            Err(error) => Some(Err(error)),
        }
    }
}
