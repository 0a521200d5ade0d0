//! From an HTTP request to the arguments of a call.

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use lattice_protocol::call::{Context, TRACE_LEN_MAX, header};
use lattice_protocol::id::CallId;
use lattice_protocol::standard::http::{Body, Request};

use crate::config::Limits;
use crate::forwarded::Source;
use crate::headers;
use crate::status::Refusal;

/// The request's id, kept from the client or made here; every response carries it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What the payload of the call is written in.
const MESSAGEPACK: &str = "application/msgpack";
/// The longest id of a client that is kept: it goes into logs.
const REQUEST_ID_LEN_MAX: usize = 128;
/// The longest path with its query: longer ones are mistakes, and the call must fit a message.
const PATH_LEN_MAX: usize = 16 * 1024;
/// The longest host with its port: 253 for a DNS name, and room for `:65535`.
const AUTHORITY_LEN_MAX: usize = 260;
/// How many headers a request may have: the parser's own bound for HTTP/1, and below what a call
/// carries, because some are added.
const HEADERS_MAX: usize = 100;

/// The id of a request: the client's if it is plain, else the call's.
pub(crate) fn id(headers: &HeaderMap, call: CallId) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        (1..=REQUEST_ID_LEN_MAX).contains(&value.len())
            && value
                .as_bytes()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(b))
    };
    match headers.get(REQUEST_ID).filter(plain) {
        Some(kept) => kept.clone(),
        // The text of a call's id is hex digits: always a valid value.
        None => HeaderValue::try_from(call.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("none")),
    }
}

/// Holds a request's head to the limits.
pub(crate) fn check(parts: &Parts, limits: &Limits) -> Result<(), Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::NO_PROXY);
    }
    if parts
        .uri
        .path_and_query()
        .is_some_and(|path| path.as_str().len() > PATH_LEN_MAX)
    {
        return Err(Refusal::PATH_TOO_LONG);
    }
    let bytes: usize = parts
        .headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len())
        .sum();
    if parts.headers.len() > HEADERS_MAX || bytes > limits.header_bytes_max {
        return Err(Refusal::HEADERS_TOO_LARGE);
    }
    Ok(())
}

/// The host that a request names: in its target (HTTP/2, proxies), else in `Host`.
pub(crate) fn authority(parts: &Parts) -> Result<Authority, Refusal> {
    let authority = match parts.uri.authority() {
        Some(authority) => authority.clone(),
        None => host(parts)?,
    };
    let plain = authority.as_str().len() <= AUTHORITY_LEN_MAX && !authority.as_str().contains('@');
    if plain {
        Ok(authority)
    } else {
        Err(Refusal::BAD_HOST)
    }
}

/// Exactly one `Host`: two could mean one thing to a proxy in front and another here.
fn host(parts: &Parts) -> Result<Authority, Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).map_err(|_| Refusal::BAD_HOST),
        // HTTP/1.0 knows no hosts.
        (None, None) if parts.version == Version::HTTP_10 => {
            Ok(Authority::from_static("localhost"))
        }
        _ => Err(Refusal::BAD_HOST),
    }
}

/// What travels beside the arguments.
pub(crate) fn context(headers: &HeaderMap, id: CallId, limits: &Limits) -> Context {
    Context {
        id,
        remaining: limits.timeout,
        traceparent: trace(headers, header::TRACEPARENT),
        tracestate: trace(headers, header::TRACESTATE),
        content_type: Some(MESSAGEPACK.to_owned()),
        ..Context::default()
    }
}

fn trace(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= TRACE_LEN_MAX).then(|| value.to_owned())
}

/// The arguments of the call.
pub(crate) fn arguments(
    parts: &Parts,
    authority: &Authority,
    source: &Source,
    request_id: &HeaderValue,
    body: Body,
) -> Request {
    let mut fields = headers::to_actor(&parts.headers, authority, source);
    fields.retain(|(name, _)| name.as_str() != REQUEST_ID.as_str());
    fields.push((
        REQUEST_ID.as_str().to_owned(),
        headers::field(request_id.as_bytes()),
    ));
    Request {
        method: parts.method.as_str().to_owned(),
        scheme: source.scheme.to_owned(),
        authority: authority.as_str().to_owned(),
        path: parts
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        headers: fields,
        body,
    }
}

#[cfg(test)]
#[path = "request_test.rs"]
mod tests;
