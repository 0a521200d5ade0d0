//! Which header fields leave with a request, and which come back with a response.
//!
//! What is about one connection only, and what `Connection` names, stays here both ways. `Host` is what
//! the request's authority says, never a field: it was checked, and a field would not be.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lattice_protocol::standard::http::{FieldValue, HEADERS_BYTES_MAX, HEADERS_MAX};

use crate::headers::is_hop_by_hop;

/// Header fields as calls carry them.
type Fields = Vec<(String, FieldValue)>;

/// The fields are too many, too large, or none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// An actor's fields as the server sees them.
pub(super) fn to_server(fields: Fields) -> Result<HeaderMap, Malformed> {
    let mut headers = read(fields)?;
    // Only `te: trailers` means something beyond one connection (RFC 9110, 10.1.4).
    let takes_trailers = headers
        .get(TE)
        .is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip(&mut headers);
    headers.remove(HOST);
    // Whether the server agrees is not asked: what it says early ends the body.
    headers.remove(EXPECT);
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(headers)
}

/// An actor's trailers as the server sees them.
pub(super) fn trailers_to_server(fields: Fields) -> Result<HeaderMap, Malformed> {
    let mut trailers = read(fields)?;
    strip(&mut trailers);
    for name in [HOST, EXPECT, CONTENT_LENGTH] {
        trailers.remove(name);
    }
    Ok(trailers)
}

/// A server's fields as the actor sees them; too many are refused.
pub(super) fn to_actor(mut headers: HeaderMap) -> Result<Fields, Malformed> {
    strip(&mut headers);
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
        return Err(Malformed);
    }
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = FieldValue(Bytes::copy_from_slice(value.as_bytes()));
        (name.as_str().to_owned(), value)
    };
    Ok(headers.iter().map(field).collect())
}

/// The one length that is announced, if any is.
pub(super) fn length(headers: &HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut all = headers.get_all(CONTENT_LENGTH).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(length), None) => {
            let digits = length.to_str().map_err(|_| Malformed)?;
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            digits
                .parse()
                .ok()
                .filter(|_| plain)
                .map(Some)
                .ok_or(Malformed)
        }
        _ => Err(Malformed),
    }
}

fn read(fields: Fields) -> Result<HeaderMap, Malformed> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.0.len())
        .sum();
    if fields.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
        return Err(Malformed);
    }
    let mut headers = HeaderMap::with_capacity(fields.len() + 3);
    for (name, value) in fields {
        let name = HeaderName::try_from(name).map_err(|_| Malformed)?;
        let value = HeaderValue::from_maybe_shared(value.0).map_err(|_| Malformed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Takes out what is about one connection only.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let gone: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name.as_str()) || named.iter().any(|n| *name == n.as_str()))
        .cloned()
        .collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_is_about_one_connection_stays_here_both_ways() {
        let sent = fields(&[
            ("Connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "secret"),
            ("host", "inside.example"),
            ("expect", "100-continue"),
            ("te", "trailers"),
            ("authorization", "mine"),
        ]);
        let headers = to_server(sent.clone()).unwrap();
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "te"]);
        let back = to_actor(read(sent).unwrap()).unwrap();
        let mut names: Vec<_> = back.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "expect", "host"]);
    }

    #[test]
    fn too_much_and_what_is_no_field_is_refused() {
        assert_eq!(to_server(fields(&[("a b", "c")])), Err(Malformed));
        assert_eq!(to_server(fields(&[("a", "b\r\nc: d")])), Err(Malformed));
        assert_eq!(
            to_server(fields(&[("a", "b"); HEADERS_MAX + 1])),
            Err(Malformed)
        );
        let large = "x".repeat(HEADERS_BYTES_MAX);
        assert_eq!(to_server(fields(&[("a", large.as_str())])), Err(Malformed));
    }

    #[test]
    fn a_length_is_one_plain_number() {
        let length_of = |pairs| length(&read(fields(pairs)).unwrap());
        assert_eq!(length_of(&[]), Ok(None));
        assert_eq!(length_of(&[("content-length", "12")]), Ok(Some(12)));
        for pairs in [
            &[("content-length", "12"), ("content-length", "12")][..],
            &[("content-length", "+12")],
            &[("content-length", "")],
            &[("content-length", "99999999999999999999")],
        ] {
            assert_eq!(length_of(pairs), Err(Malformed), "{pairs:?}");
        }
    }
}
