//! Which headers cross from a client to an actor and back.
//!
//! Towards the actor:
//! - hop-by-hop headers, those that `Connection` names, `Host` (it is the authority) and `Expect`
//!   (it is answered here) are left out;
//! - `forwarded`, `x-forwarded-*` and `x-real-ip` of a client are left out, unless
//!   `trust_forwarded` says that the client is a proxy of ours;
//! - `x-forwarded-for`, `-proto` and `-host` are added; from a trusted proxy the first is
//!   continued and the others are kept;
//! - several `Cookie` headers, as HTTP/2 may send them, become one.
//!
//! Towards the client hop-by-hop headers and those that `Connection` names are left out.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{CONNECTION, COOKIE};
use lattice_protocol::standard::http::FieldValue;

/// Header fields as calls carry them.
pub(crate) type Fields = Vec<(String, FieldValue)>;

/// How many headers are added at most.
const ADDED: usize = 4;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop<'a> {
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// The host and port it named.
    pub(crate) authority: &'a str,
    /// Whether it is a proxy of ours.
    pub(crate) trusted: bool,
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
            | "trailer"
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
pub(crate) fn to_actor(headers: &HeaderMap, hop: Hop<'_>) -> Fields {
    let named = named_by_connection(headers);
    let mut fields = Fields::with_capacity(headers.len() + ADDED);
    for (name, value) in headers {
        let name = name.as_str();
        let left_out = is_hop_by_hop(name)
            || is_answered_here(name)
            || name == COOKIE
            || (is_forwarded(name) && (!hop.trusted || name == FORWARDED_FOR))
            || named.iter().any(|n| n.eq_ignore_ascii_case(name));
        if !left_out {
            fields.push((name.to_owned(), field(value.as_bytes())));
        }
    }
    if let Some(cookies) = joined(headers, COOKIE.as_str(), b"; ") {
        fields.push((COOKIE.as_str().to_owned(), field(&cookies)));
    }
    add_forwarded(&mut fields, headers, hop);
    fields
}

fn add_forwarded(fields: &mut Fields, headers: &HeaderMap, hop: Hop<'_>) {
    let peer = hop.peer.to_canonical().to_string();
    let before = hop
        .trusted
        .then(|| joined(headers, FORWARDED_FOR, b", "))
        .flatten();
    let path = match before {
        Some(mut path) => {
            path.extend_from_slice(b", ");
            path.extend_from_slice(peer.as_bytes());
            path
        }
        None => peer.into_bytes(),
    };
    fields.push((FORWARDED_FOR.to_owned(), FieldValue(path.into())));
    for (name, value) in [(FORWARDED_PROTO, "http"), (FORWARDED_HOST, hop.authority)] {
        if !(hop.trusted && headers.contains_key(name)) {
            fields.push((name.to_owned(), value.into()));
        }
    }
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

/// Takes out of a response what is about one connection only.
pub(crate) fn to_client(headers: &mut HeaderMap) {
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
