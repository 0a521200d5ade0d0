use std::time::Duration;

use super::*;

fn parts(request: http::request::Builder) -> Parts {
    request.body(()).unwrap().into_parts().0
}

fn limits() -> Limits {
    crate::config::Config::read(&serde_json::Map::new())
        .unwrap()
        .limits
}

fn get(uri: &str) -> http::request::Builder {
    http::Request::builder().uri(uri)
}

#[test]
fn a_plain_id_of_the_client_is_kept() {
    let parts = parts(get("/").header("x-request-id", "abc-1.2"));
    assert_eq!(id(&parts.headers, CallId::new()), "abc-1.2");
}

#[test]
fn an_id_that_could_upset_a_log_is_replaced_by_the_calls() {
    let call = CallId::new();
    for bad in ["", "a b", "\"", "a\tb", &"x".repeat(REQUEST_ID_LEN_MAX + 1)] {
        let parts = parts(get("/").header("x-request-id", bad));
        assert_eq!(
            id(&parts.headers, call),
            call.to_string().as_str(),
            "{bad:?}"
        );
    }
}

#[test]
fn the_target_names_the_host_before_the_header_does() {
    let both = parts(get("http://a.example/x").header("host", "b.example"));
    assert_eq!(authority(&both).unwrap(), "a.example");
    let header = parts(get("/x").header("host", "b.example:80"));
    assert_eq!(authority(&header).unwrap(), "b.example:80");
}

#[test]
fn a_request_without_one_valid_host_is_refused() {
    let long = "a".repeat(AUTHORITY_LEN_MAX + 1);
    for request in [
        get("/"),
        get("/").header("host", "a").header("host", "b"),
        get("/").header("host", "a b"),
        get("/").header("host", "user@a"),
        get("/").header("host", long),
    ] {
        assert_eq!(authority(&parts(request)).unwrap_err(), Refusal::BAD_HOST);
    }
    assert!(authority(&parts(get("/").version(Version::HTTP_10))).is_ok());
}

#[test]
fn a_head_over_a_limit_is_refused() {
    let limits = limits();
    let long = format!("/{}", "a".repeat(PATH_LEN_MAX));
    assert_eq!(
        check(&parts(get(&long)), &limits),
        Err(Refusal::PATH_TOO_LONG)
    );
    let large = parts(get("/").header("a", "x".repeat(limits.header_bytes_max)));
    assert_eq!(check(&large, &limits), Err(Refusal::HEADERS_TOO_LARGE));
    let many = (0..=HEADERS_MAX).fold(get("/"), |r, i| r.header(format!("x-{i}"), "1"));
    assert_eq!(
        check(&parts(many), &limits),
        Err(Refusal::HEADERS_TOO_LARGE)
    );
    let connect = get("a.example:80").method(Method::CONNECT);
    assert_eq!(check(&parts(connect), &limits), Err(Refusal::NO_PROXY));
}

#[test]
fn the_trace_and_the_deadline_travel_with_the_call() {
    let parts = parts(
        get("/")
            .header("traceparent", "00-1-2-01")
            .header("tracestate", "a=b"),
    );
    let context = context(&parts.headers, CallId::new(), &limits());
    assert_eq!(context.traceparent.as_deref(), Some("00-1-2-01"));
    assert_eq!(context.tracestate.as_deref(), Some("a=b"));
    assert_eq!(context.remaining, Duration::from_secs(10));
    assert_eq!(context.content_type.as_deref(), Some(MESSAGEPACK));
    assert!(context.origin.is_none());
}

#[test]
fn the_arguments_are_the_request() {
    let parts = parts(
        get("/a?b=c")
            .method("POST")
            .header("x-request-id", "bad one"),
    );
    let source = Source {
        way: vec!["::1".parse().unwrap()],
        scheme: "https",
        host: None,
    };
    let authority = Authority::from_static("a:1");
    let id = HeaderValue::from_static("made");
    let request = arguments(&parts, &authority, &source, &id, Body::Whole("hi".into()));
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/a?b=c")
    );
    assert_eq!(request.scheme, "https");
    assert_eq!(
        (request.authority.as_str(), request.body),
        ("a:1", Body::Whole("hi".into()))
    );
    let ids: Vec<_> = request
        .headers
        .iter()
        .filter(|(n, _)| n == "x-request-id")
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0].1.0.as_ref(), b"made");
}
