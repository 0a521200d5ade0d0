use lattice_protocol::standard::http::FieldValue;

use super::*;

fn answer(status: u16, fields: &[(&str, &[u8])], body: &'static [u8]) -> Result<Response, Fault> {
    let response = standard::Response {
        status,
        headers: fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), FieldValue(Bytes::copy_from_slice(v))))
            .collect(),
        body: Bytes::from_static(body).into(),
    };
    read(packed(&response).into())
}

fn packed(response: &standard::Response) -> Bytes {
    rmp_serde::to_vec_named(response).unwrap().into()
}

/// An answer whose body is stream `number`, with so many streams.
fn with_stream(number: u32, streams: u32, fields: &[(&str, &str)]) -> Result<Response, Fault> {
    let one = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    let response = standard::Response {
        status: 200,
        headers: fields.iter().map(one).collect(),
        body: Body::Stream(number),
    };
    let empty = || lattice_client::stream::Reader::whole(Bytes::new(), Bytes::new());
    read(Reply {
        payload: packed(&response),
        streams: (0..streams).map(|_| empty()).collect(),
    })
}

#[test]
fn a_streamed_body_keeps_the_length_that_was_announced() {
    let mut plain = with_stream(1, 1, &[]).unwrap();
    finish(&mut plain, false);
    assert_eq!(
        (header_length(&plain), plain.body().whole_len()),
        (None, None)
    );
    let mut announced = with_stream(1, 1, &[("content-length", "5")]).unwrap();
    finish(&mut announced, false);
    assert_eq!(header_length(&announced), Some("5"));
    let mut head = with_stream(1, 1, &[("content-length", "5")]).unwrap();
    finish(&mut head, true);
    assert_eq!(
        (header_length(&head), head.body().whole_len()),
        (Some("5"), Some(0))
    );
}

#[test]
fn a_stream_whose_end_would_be_a_guess_is_a_fault() {
    let twice = [("content-length", "5"), ("content-length", "5")];
    assert_eq!(with_stream(1, 1, &twice).unwrap_err(), Fault::Length);
    for nonsense in ["", "-1", "5, 5", "99999999999999999999"] {
        let fields = [("content-length", nonsense)];
        assert_eq!(with_stream(1, 1, &fields).unwrap_err(), Fault::Length);
    }
    for number in [0, 2, u32::MAX] {
        assert_eq!(
            with_stream(number, 1, &[]).unwrap_err(),
            Fault::NoStream(number)
        );
    }
}

fn header_length(response: &Response) -> Option<&str> {
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
    assert_eq!(response.body().whole_len(), Some(2));
}

#[test]
fn what_http_does_not_know_is_a_fault_not_a_panic() {
    for status in [0, 99, 100, 101, 199, 600, 999, u16::MAX] {
        assert_eq!(answer(status, &[], b"").unwrap_err(), Fault::Status(status));
    }
    for name in ["", "a b", "a:", "ä", "a\r\nb"] {
        assert_eq!(
            answer(200, &[(name, b"x")], b"").unwrap_err(),
            Fault::Headers(headers::Fault::Name)
        );
    }
    for value in [&b"a\r\nset-cookie: x"[..], b"\n", b"\0"] {
        let error = answer(200, &[("x-a", value)], b"").unwrap_err();
        let fault = headers::Fault::Value(http::HeaderName::from_static("x-a"));
        assert_eq!(error, Fault::Headers(fault));
    }
    for bytes in [&b""[..], b"\xc1", b"{\"status\":200}", b"\xff\xff\xff\xff"] {
        assert_eq!(
            read(Bytes::from_static(bytes).into()).unwrap_err(),
            Fault::Unreadable
        );
    }
}

#[test]
fn headers_over_the_limits_are_a_fault() {
    let many = vec![("x-a", &b"1"[..]); standard::HEADERS_MAX + 1];
    let fault = || Fault::Headers(headers::Fault::TooLarge);
    assert_eq!(answer(200, &many, b"").unwrap_err(), fault());
    let large = vec![b'x'; standard::HEADERS_BYTES_MAX];
    assert_eq!(answer(200, &[("x-a", &large)], b"").unwrap_err(), fault());
}

#[test]
fn a_length_the_actor_made_up_is_not_sent() {
    let mut response = answer(200, &[("content-length", b"9999")], b"hi").unwrap();
    finish(&mut response, false);
    assert_eq!(header_length(&response), None);
}

#[test]
fn a_head_response_has_the_length_of_its_get_and_no_body() {
    let mut with_body = answer(200, &[("content-length", b"9999")], b"hi").unwrap();
    finish(&mut with_body, true);
    assert_eq!(header_length(&with_body), Some("2"));
    assert_eq!(with_body.body().whole_len(), Some(0));
    let mut claimed = answer(200, &[("content-length", b"9999")], b"").unwrap();
    finish(&mut claimed, true);
    assert_eq!(header_length(&claimed), Some("9999"));
    let mut nonsense = answer(200, &[("content-length", b"+1")], b"").unwrap();
    finish(&mut nonsense, true);
    assert_eq!(header_length(&nonsense), None);
}

#[test]
fn a_status_without_a_body_has_none() {
    for status in [204, 304] {
        let response = answer(status, &[], b"hi").unwrap();
        assert_eq!(response.body().whole_len(), Some(0));
    }
}
