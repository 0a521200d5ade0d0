use http::{HeaderName, HeaderValue};

use super::*;

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn hop(trusted: bool) -> Hop<'static> {
    Hop {
        peer: "192.0.2.7".parse().unwrap(),
        authority: "a.example:8080",
        trusted,
    }
}

fn value<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, v)| std::str::from_utf8(&v.0).unwrap())
        .collect()
}

#[test]
fn what_is_about_the_connection_stays_with_it() {
    let headers = map(&[
        ("connection", "keep-alive, X-Private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "secret"),
        ("host", "a.example"),
        ("expect", "100-continue"),
        ("accept", "*/*"),
    ]);
    let fields = to_actor(&headers, hop(false));
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["accept", FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST]
    );
}

#[test]
fn a_stranger_cannot_say_where_the_request_came_from() {
    let headers = map(&[
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-user", "root"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
    ]);
    let fields = to_actor(&headers, hop(false));
    assert_eq!(value(&fields, FORWARDED_FOR), ["192.0.2.7"]);
    assert_eq!(value(&fields, FORWARDED_PROTO), ["http"]);
    assert_eq!(value(&fields, FORWARDED_HOST), ["a.example:8080"]);
    assert_eq!(fields.len(), 3);
}

#[test]
fn a_trusted_proxy_is_continued() {
    let headers = map(&[
        ("x-forwarded-for", "203.0.113.1"),
        ("x-forwarded-for", "203.0.113.2"),
        ("x-forwarded-proto", "https"),
    ]);
    let fields = to_actor(&headers, hop(true));
    assert_eq!(
        value(&fields, FORWARDED_FOR),
        ["203.0.113.1, 203.0.113.2, 192.0.2.7"]
    );
    assert_eq!(value(&fields, FORWARDED_PROTO), ["https"]);
    assert_eq!(value(&fields, FORWARDED_HOST), ["a.example:8080"]);
}

#[test]
fn several_cookies_become_one_and_other_repeats_stay() {
    let headers = map(&[
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-a", "1"),
        ("x-a", "2"),
    ]);
    let fields = to_actor(&headers, hop(false));
    assert_eq!(value(&fields, "cookie"), ["a=1; b=2"]);
    assert_eq!(value(&fields, "x-a"), ["1", "2"]);
}

#[test]
fn bytes_that_are_no_text_reach_the_actor_unchanged() {
    let mut headers = HeaderMap::new();
    headers.insert("x-raw", HeaderValue::from_bytes(&[0xff, b'a']).unwrap());
    let fields = to_actor(&headers, hop(false));
    assert_eq!(fields[0].1.0.as_ref(), [0xff, b'a']);
}

#[test]
fn a_response_keeps_its_own_headers_only() {
    let mut headers = map(&[
        ("connection", "x-private"),
        ("x-private", "1"),
        ("transfer-encoding", "chunked"),
        ("content-type", "text/plain"),
    ]);
    to_client(&mut headers);
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key("content-type"));
}
