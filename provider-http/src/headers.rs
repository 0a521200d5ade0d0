//! Which headers cross from a client to an actor and back.
//!
//! Towards the actor:
//! - hop-by-hop headers, those that `Connection` names, `Host` (it is the authority) and `Expect`
//!   (it is answered here) are left out;
//! - `forwarded`, `x-forwarded-*` and `x-real-ip` are left out, and `x-forwarded-for`, `-proto` and
//!   `-host` are written anew, from what can be proven (see `forwarded`);
//! - several `Cookie` headers, as HTTP/2 may send them, become one.
//!
//! Towards the client hop-by-hop headers and those that `Connection` names are left out.
//!
//! Trailers cross without what only means something before a body: nothing in them may say where a
//! request came from or how long a body is.

use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};
use lattice_protocol::standard::http::{FieldValue, HEADERS_BYTES_MAX, HEADERS_MAX};

use crate::forwarded::{FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, Source};
use crate::request::REQUEST_ID;
use crate::status::Refusal;

/// Header fields as calls carry them.
pub(crate) type Fields = Vec<(String, FieldValue)>;

/// How many headers are added at most.
const ADDED: usize = 5;

/// Why an actor's header fields are none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// More than the protocol allows.
    #[error("the headers are too many or too large")]
    TooLarge,
    /// A name that is no token.
    #[error("a header has a name that HTTP doesn't allow")]
    Name,
    /// A value with a control character.
    #[error("the header {0} has a value that HTTP doesn't allow")]
    Value(HeaderName),
}

/// Whether a header is about one connection only.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

fn is_answered_here(name: &str) -> bool {
    matches!(name, "host" | "expect")
}

fn is_forwarded(name: &str) -> bool {
    name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip")
}

/// The further headers that `Connection` declares to be about this connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("keep-alive"))
        .collect()
}

/// The headers of a request as the actor sees them.
pub(crate) fn to_actor(headers: &HeaderMap, authority: &Authority, source: &Source) -> Fields {
    let named = named_by_connection(headers);
    let mut fields = Fields::with_capacity(headers.len() + ADDED);
    for (name, value) in headers {
        let name = name.as_str();
        let left_out = is_hop_by_hop(name)
            || is_answered_here(name)
            || name == COOKIE
            || is_forwarded(name)
            || named.iter().any(|n| n.eq_ignore_ascii_case(name));
        if !left_out {
            fields.push((name.to_owned(), field(value.as_bytes())));
        }
    }
    if let Some(cookies) = joined(headers, COOKIE.as_str(), b"; ") {
        fields.push((COOKIE.as_str().to_owned(), field(&cookies)));
    }
    let host = source.host.as_deref().unwrap_or(authority.as_str());
    let way = source.forwarded_for();
    for (name, value) in [
        (FORWARDED_FOR, way.as_str()),
        (FORWARDED_PROTO, source.scheme),
        (FORWARDED_HOST, host),
    ] {
        fields.push((name.to_owned(), value.into()));
    }
    fields
}

/// All values of a header as one; `None` when it is not there.
fn joined(headers: &HeaderMap, name: &str, between: &[u8]) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let mut all = values.next()?.as_bytes().to_vec();
    for value in values {
        all.extend_from_slice(between);
        all.extend_from_slice(value.as_bytes());
    }
    Some(all)
}

/// A field's value of its own.
pub(crate) fn field(value: &[u8]) -> FieldValue {
    FieldValue(bytes::Bytes::copy_from_slice(value))
}

/// The header fields of an actor as the client sees them.
pub(crate) fn to_client(fields: Fields) -> Result<HeaderMap, Fault> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.0.len())
        .sum();
    if fields.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut headers = HeaderMap::with_capacity(fields.len() + 2);
    for (name, value) in fields {
        let name = HeaderName::try_from(name).map_err(|_| Fault::Name)?;
        let value =
            HeaderValue::from_maybe_shared(value.0).map_err(|_| Fault::Value(name.clone()))?;
        headers.append(name, value);
    }
    strip(&mut headers);
    Ok(headers)
}

/// Whether a field may come after a body.
fn is_trailer(name: &str) -> bool {
    !(is_hop_by_hop(name)
        || is_answered_here(name)
        || is_forwarded(name)
        || name == CONTENT_LENGTH
        || name == COOKIE
        || name == REQUEST_ID)
}

/// The trailers of a request as the actor sees them.
pub(crate) fn trailers_to_actor(trailers: &HeaderMap) -> Result<Fields, Refusal> {
    let bytes: usize = trailers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if trailers.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
        return Err(Refusal::HEADERS_TOO_LARGE);
    }
    let kept = trailers
        .iter()
        .filter(|(name, _)| is_trailer(name.as_str()));
    Ok(kept
        .map(|(name, value)| (name.as_str().to_owned(), field(value.as_bytes())))
        .collect())
}

/// The trailers of a response as the client sees them.
pub(crate) fn trailers_to_client(fields: Fields) -> Result<HeaderMap, Fault> {
    let kept = fields
        .into_iter()
        .filter(|(name, _)| is_trailer(&name.to_ascii_lowercase()));
    to_client(kept.collect())
}

/// Takes out of a response what is about one connection only.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<String> = named_by_connection(headers)
        .into_iter()
        .map(str::to_owned)
        .collect();
    for name in named {
        headers.remove(name.as_str());
    }
    let hops: Vec<_> = headers
        .keys()
        .filter(|n| is_hop_by_hop(n.as_str()))
        .cloned()
        .collect();
    for name in hops {
        headers.remove(name);
    }
}

#[cfg(test)]
#[path = "headers_test.rs"]
mod tests;
