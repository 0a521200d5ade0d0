//! From an actor's answer to an HTTP response.
//!
//! The answer comes from a guest: a status or a header that HTTP doesn't know makes the whole
//! response a 502, never a half one. A streamed body has the length that the actor announced, or
//! none; `delivery` holds it to that.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, StatusCode};
use lattice_client::Reply;
use lattice_protocol::standard::http::{self as standard, Body};

use crate::delivery::Delivery;
use crate::headers;

/// A response as it is sent.
pub(crate) type Response = http::Response<Delivery>;

/// Why an actor's answer is no HTTP response.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is not what `wasi:http/incoming-handler.handle` returns.
    #[error("the answer can't be read as a response")]
    Unreadable,
    /// Below 200 are interim responses, which a call can't give; above 599 is nothing.
    #[error("the status {0} is not one of 200 to 599")]
    Status(u16),
    /// Its headers are none.
    #[error(transparent)]
    Headers(#[from] headers::Fault),
    /// Two lengths, or one that is no number: where the body ends would be anybody's guess.
    #[error("the content-length of a streamed body is not one number")]
    Length,
    /// Its body refers to a stream that did not come with it.
    #[error("the body is stream {0}, which the answer doesn't have")]
    NoStream(u32),
}

/// Reads the answer to a request.
pub(crate) fn read(reply: Reply) -> Result<Response, Fault> {
    let answer: standard::Response =
        rmp_serde::from_slice(&reply.payload).map_err(|_| Fault::Unreadable)?;
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|_| (200..=599).contains(&answer.status))
        .ok_or(Fault::Status(answer.status))?;
    let headers = headers::to_client(answer.headers)?;
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = match answer.body {
        _ if bodiless => Delivery::whole(Bytes::new()),
        Body::Whole(bytes) => Delivery::whole(bytes),
        Body::Stream(number) => streamed(reply.streams, number, &headers)?,
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn streamed(
    mut streams: Vec<lattice_client::stream::Reader>,
    number: u32,
    headers: &HeaderMap,
) -> Result<Delivery, Fault> {
    let length = announced(headers)?;
    let index = (number as usize).checked_sub(1);
    match index.filter(|index| *index < streams.len()) {
        Some(index) => Ok(Delivery::streamed(streams.swap_remove(index), length)),
        None => Err(Fault::NoStream(number)),
    }
}

/// The length that the actor announced.
fn announced(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => length(one).map(Some).ok_or(Fault::Length),
        (Some(_), Some(_)) => Err(Fault::Length),
    }
}

/// Makes lengths true: the body's own, the announced one of a stream, or for a `HEAD` the one that
/// its `GET` would have.
///
/// A length that a guest made up would let the rest of one response be read as the next.
pub(crate) fn finish(response: &mut Response, head: bool) {
    let whole = response.body().whole_len();
    if !head {
        if whole.is_some() {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        return;
    }
    response.body_mut().clear();
    let claimed = response.headers_mut().remove(CONTENT_LENGTH);
    let status = response.status();
    let claimed = claimed.filter(|claimed| length(claimed).is_some());
    let value = match (whole, claimed) {
        _ if status == StatusCode::NO_CONTENT => return,
        (Some(own @ 1..), _) => HeaderValue::from(own),
        (_, Some(claimed)) => claimed,
        (_, None) => return,
    };
    response.headers_mut().insert(CONTENT_LENGTH, value);
}

fn length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
#[path = "response_test.rs"]
mod tests;
