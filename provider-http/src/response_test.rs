use super::*;

fn answer(status: u16, fields: &[(&str, &[u8])], body: &'static [u8]) -> Result<Response, Fault> {
    let response = standard::Response {
        status,
        headers: fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), FieldValue(Bytes::copy_from_slice(v))))
            .collect(),
        body: Bytes::from_static(body),
    };
    read(&rmp_serde::to_vec_named(&response).unwrap())
}

fn length(response: &Response) -> Option<&str> {
    response
        .headers()
        .get(CONTENT_LENGTH)
        .map(|v| v.to_str().unwrap())
}

#[test]
fn a_response_keeps_status_headers_and_body() {
    let fields: &[(&str, &[u8])] = &[
        ("set-cookie", b"a"),
        ("set-cookie", b"b"),
        ("X-Raw", &[0xff]),
    ];
    let response = answer(201, fields, b"hi").unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(response.headers()["x-raw"].as_bytes(), [0xff]);
    assert_eq!(response.body().size_hint().exact(), Some(2));
}

#[test]
fn what_http_does_not_know_is_a_fault_not_a_panic() {
    for status in [0, 99, 100, 101, 199, 600, 999, u16::MAX] {
        assert_eq!(answer(status, &[], b"").unwrap_err(), Fault::Status(status));
    }
    for name in ["", "a b", "a:", "ä", "a\r\nb"] {
        assert_eq!(
            answer(200, &[(name, b"x")], b"").unwrap_err(),
            Fault::HeaderName
        );
    }
    for value in [&b"a\r\nset-cookie: x"[..], b"\n", b"\0"] {
        let error = answer(200, &[("x-a", value)], b"").unwrap_err();
        assert_eq!(error, Fault::HeaderValue(HeaderName::from_static("x-a")));
    }
    for bytes in [&b""[..], b"\xc1", b"{\"status\":200}", b"\xff\xff\xff\xff"] {
        assert_eq!(read(bytes).unwrap_err(), Fault::Unreadable);
    }
}

#[test]
fn headers_over_the_limits_are_a_fault() {
    let many = vec![("x-a", &b"1"[..]); standard::HEADERS_MAX + 1];
    assert_eq!(answer(200, &many, b"").unwrap_err(), Fault::HeadersTooLarge);
    let large = vec![b'x'; standard::HEADERS_BYTES_MAX];
    assert_eq!(
        answer(200, &[("x-a", &large)], b"").unwrap_err(),
        Fault::HeadersTooLarge
    );
}

#[test]
fn a_length_the_actor_made_up_is_not_sent() {
    let mut response = answer(200, &[("content-length", b"9999")], b"hi").unwrap();
    finish(&mut response, false);
    assert_eq!(length(&response), None);
}

#[test]
fn a_head_response_has_the_length_of_its_get_and_no_body() {
    let mut with_body = answer(200, &[("content-length", b"9999")], b"hi").unwrap();
    finish(&mut with_body, true);
    assert_eq!(length(&with_body), Some("2"));
    assert_eq!(with_body.body().size_hint().exact(), Some(0));
    let mut claimed = answer(200, &[("content-length", b"9999")], b"").unwrap();
    finish(&mut claimed, true);
    assert_eq!(length(&claimed), Some("9999"));
    let mut nonsense = answer(200, &[("content-length", b"+1")], b"").unwrap();
    finish(&mut nonsense, true);
    assert_eq!(length(&nonsense), None);
}

#[test]
fn a_status_without_a_body_has_none() {
    for status in [204, 304] {
        let response = answer(status, &[], b"hi").unwrap();
        assert_eq!(response.body().size_hint().exact(), Some(0));
    }
}
