//! From an actor's answer to an HTTP response.
//!
//! The answer comes from a guest: a status or a header that HTTP doesn't know makes the whole
//! response a 502, never a half one.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::body::Body as _;
use lattice_protocol::standard::http::{self as standard, FieldValue};

use crate::headers;

/// A response with its body in one piece.
pub(crate) type Response = http::Response<Full<Bytes>>;

/// Why an actor's answer is no HTTP response.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is not what `wasi:http/incoming-handler.handle` returns.
    #[error("the answer can't be read as a response")]
    Unreadable,
    /// Below 200 are interim responses, which a call can't give; above 599 is nothing.
    #[error("the status {0} is not one of 200 to 599")]
    Status(u16),
    /// More headers, or larger ones, than the protocol allows.
    #[error("the headers are too many or too large")]
    HeadersTooLarge,
    /// A header's name is not a token.
    #[error("a header has a name that HTTP doesn't allow")]
    HeaderName,
    /// A header's value has a control character.
    #[error("the header {0} has a value that HTTP doesn't allow")]
    HeaderValue(HeaderName),
}

/// Reads the answer to a request.
pub(crate) fn read(answer: &[u8]) -> Result<Response, Fault> {
    let answer: standard::Response =
        rmp_serde::from_slice(answer).map_err(|_| Fault::Unreadable)?;
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|_| (200..=599).contains(&answer.status))
        .ok_or(Fault::Status(answer.status))?;
    let headers = read_headers(answer.headers)?;
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if bodiless { Bytes::new() } else { answer.body };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn read_headers(fields: Vec<(String, FieldValue)>) -> Result<HeaderMap, Fault> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.0.len())
        .sum();
    if fields.len() > standard::HEADERS_MAX || bytes > standard::HEADERS_BYTES_MAX {
        return Err(Fault::HeadersTooLarge);
    }
    let mut headers = HeaderMap::with_capacity(fields.len() + 2);
    for (name, value) in fields {
        let name = HeaderName::try_from(name).map_err(|_| Fault::HeaderName)?;
        let value = HeaderValue::from_maybe_shared(value.0)
            .map_err(|_| Fault::HeaderValue(name.clone()))?;
        headers.append(name, value);
    }
    headers::to_client(&mut headers);
    Ok(headers)
}

/// Makes lengths true: the body's own, or for a `HEAD` the one its `GET` would have.
///
/// A length that a guest made up would let the rest of one response be read as the next.
pub(crate) fn finish(response: &mut Response, head: bool) {
    let length = response.body().size_hint().exact().unwrap_or(0);
    if !head {
        response.headers_mut().remove(CONTENT_LENGTH);
        return;
    }
    *response.body_mut() = Full::default();
    let claimed = response.headers_mut().remove(CONTENT_LENGTH);
    let status = response.status();
    let value = match claimed.filter(is_length) {
        _ if status == StatusCode::NO_CONTENT => return,
        _ if length > 0 => HeaderValue::from(length),
        Some(claimed) => claimed,
        None => return,
    };
    response.headers_mut().insert(CONTENT_LENGTH, value);
}

fn is_length(value: &HeaderValue) -> bool {
    value
        .to_str()
        .is_ok_and(|text| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u64>().is_ok())
}

#[cfg(test)]
#[path = "response_test.rs"]
mod tests;
