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

fn seen(headers: &HeaderMap) -> Fields {
    let source = Source {
        way: vec!["192.0.2.7".parse().unwrap()],
        scheme: "http",
        host: None,
    };
    to_actor(headers, &Authority::from_static("a.example:8080"), &source)
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
    let fields = seen(&headers);
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
    let fields = seen(&headers);
    assert_eq!(value(&fields, FORWARDED_FOR), ["192.0.2.7"]);
    assert_eq!(value(&fields, FORWARDED_PROTO), ["http"]);
    assert_eq!(value(&fields, FORWARDED_HOST), ["a.example:8080"]);
    assert_eq!(fields.len(), 3);
}

#[test]
fn what_is_known_of_the_way_is_what_the_actor_sees() {
    let source = Source {
        way: vec!["203.0.113.1".parse().unwrap(), "10.0.0.1".parse().unwrap()],
        scheme: "https",
        host: Some("shop.example".to_owned()),
    };
    let headers = map(&[("x-forwarded-for", "203.0.113.1")]);
    let fields = to_actor(&headers, &Authority::from_static("a.example"), &source);
    assert_eq!(value(&fields, FORWARDED_FOR), ["203.0.113.1, 10.0.0.1"]);
    assert_eq!(value(&fields, FORWARDED_PROTO), ["https"]);
    assert_eq!(value(&fields, FORWARDED_HOST), ["shop.example"]);
    assert_eq!(fields.len(), 3);
}

#[test]
fn several_cookies_become_one_and_other_repeats_stay() {
    let headers = map(&[
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-a", "1"),
        ("x-a", "2"),
    ]);
    let fields = seen(&headers);
    assert_eq!(value(&fields, "cookie"), ["a=1; b=2"]);
    assert_eq!(value(&fields, "x-a"), ["1", "2"]);
}

#[test]
fn bytes_that_are_no_text_reach_the_actor_unchanged() {
    let mut headers = HeaderMap::new();
    headers.insert("x-raw", HeaderValue::from_bytes(&[0xff, b'a']).unwrap());
    let fields = seen(&headers);
    assert_eq!(fields[0].1.0.as_ref(), [0xff, b'a']);
}

fn fields(all: &[(&str, &str)]) -> Fields {
    let one = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    all.iter().map(one).collect()
}

#[test]
fn a_response_keeps_its_own_headers_only() {
    let headers = to_client(fields(&[
        ("connection", "x-private"),
        ("x-private", "1"),
        ("transfer-encoding", "chunked"),
        ("content-type", "text/plain"),
    ]))
    .unwrap();
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key("content-type"));
}

#[test]
fn trailers_cross_without_what_only_means_something_before_a_body() {
    let trailers = [
        ("grpc-status", "0"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-request-id", "forged"),
        ("host", "bank.example"),
    ];
    let up = trailers_to_actor(&map(&trailers)).unwrap();
    assert_eq!(up, fields(&[("grpc-status", "0")]));
    let down = trailers_to_client(fields(&trailers)).unwrap();
    assert_eq!(
        (down.len(), &down["grpc-status"]),
        (1, &"0".parse().unwrap())
    );
    let many = vec![("a", "b"); HEADERS_MAX + 1];
    assert_eq!(
        trailers_to_actor(&map(&many)),
        Err(Refusal::HEADERS_TOO_LARGE)
    );
    assert_eq!(trailers_to_client(fields(&many)), Err(Fault::TooLarge));
    assert_eq!(
        trailers_to_client(fields(&[("a", "b\n")])),
        Err(Fault::Value("a".parse().unwrap()))
    );
}
