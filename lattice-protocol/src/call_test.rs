use std::collections::BTreeMap;

use super::*;

fn headers(context: &Context) -> BTreeMap<&'static str, String> {
    let mut headers = BTreeMap::new();
    context.encode(|name, value| {
        headers.insert(name, value);
    });
    headers
}

fn decode(pairs: &[(&str, &str)]) -> Result<Context, CallError> {
    Context::decode(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| *v))
}

#[test]
fn a_context_survives_its_headers() {
    let context = Context {
        remaining: Duration::from_millis(1234),
        hops: 3,
        origin: Some(Origin {
            source: "counter".parse().unwrap(),
            link: "cache".parse().unwrap(),
        }),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        content_type: Some("application/json".into()),
        ..Context::default()
    };
    let headers = headers(&context);
    let back = Context::decode(|name| headers.get(name).map(String::as_str)).unwrap();
    assert_eq!(back, context);
}

#[test]
fn a_call_without_headers_has_the_defaults() {
    let context = decode(&[]).unwrap();
    assert_eq!(context.remaining, DEADLINE_DEFAULT);
    assert_eq!((context.hops, context.origin), (0, None));
}

#[test]
fn a_header_that_cannot_be_read_is_refused_by_name() {
    for (name, value) in [
        ("Lattice-Deadline-Ms", "soon"),
        ("Lattice-Deadline-Ms", "-1"),
        ("Lattice-Id", "1"),
        ("Lattice-Hops", "1000"),
        ("Lattice-Source", "a.>"),
        ("Content-Type", &"x".repeat(1000)),
    ] {
        let error = decode(&[(name, value)]).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest);
        assert!(error.message.contains(name), "{}", error.message);
    }
}

#[test]
fn an_endless_deadline_is_cut() {
    let context = decode(&[("Lattice-Deadline-Ms", &u64::MAX.to_string())]).unwrap();
    assert_eq!(context.remaining, DEADLINE_MAX);
}

#[test]
fn a_cycle_of_links_ends_at_the_hop_limit() {
    let origin = || Origin {
        source: "a".parse().unwrap(),
        link: LinkName::default(),
    };
    let mut context = Context::default();
    let mut hops = 0;
    let error = loop {
        match context.onward(DEADLINE_DEFAULT, origin()) {
            Ok(next) => context = next,
            Err(error) => break error,
        }
        hops += 1;
        assert!(hops < 100, "the cycle went on");
    };
    assert_eq!(context.hops, HOPS_MAX - 1);
    assert!(error.message.contains("cycle"));
}

#[test]
fn an_error_survives_its_headers() {
    let error = CallError::refused(ErrorCode::Overloaded, "actor counter is full");
    let mut headers = BTreeMap::new();
    encode_error(&error, |name, value| {
        headers.insert(name, value);
    });
    assert_eq!(headers["Nats-Service-Error-Code"], "503");
    assert_eq!(headers["Lattice-Executed"], "no");
    assert_eq!(
        decode_error(|name| headers.get(name).map(String::as_str)),
        Some(error)
    );
}

#[test]
fn a_plain_micro_error_is_understood_and_may_have_been_executed() {
    let error = decode_error(|name| match name {
        "Nats-Service-Error-Code" => Some("404"),
        "Nats-Service-Error" => Some("no such key"),
        _ => None,
    });
    assert_eq!(
        error,
        Some(CallError::begun(ErrorCode::NotFound, "no such key"))
    );
    assert_eq!(decode_error(|_| None), None);
}
