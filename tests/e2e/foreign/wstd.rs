//! A server of `wstd`.

use std::net::SocketAddr;

use lattice_tests::{END, Exchange, Lattice, chunk, web};
use serde_json::json;

use super::behind_http;
use crate::edge::raw;
use crate::way::{Way, every_way};

every_way! {
    a_request_comes_back_while_it_is_still_sent,
    a_response_may_come_before_its_request_has_ended,
    status_and_headers_are_the_servers_own,
    every_method_arrives_and_no_header_that_is_not_the_guests,
    an_actor_is_given_no_more_headers_than_its_limits_say,
    head_has_the_headers_of_get_and_no_body,
    trailers_arrive_and_are_sent,
    timers_ring_while_the_response_is_on_its_way,
    an_error_is_a_bad_gateway_or_breaks_the_response_off,
    a_kept_instance_serves_one_request_after_the_other,
}

async fn server(way: Way) -> (Lattice, SocketAddr) {
    behind_http(way, "wstd-server", "", "timeout_ms = 30_000").await
}

async fn a_request_comes_back_while_it_is_still_sent(way: Way) {
    const BYTES: usize = 3 << 20;
    let (_lattice, address) = server(way).await;
    let mut exchange = Exchange::post(address, "/echo").await;
    for text in ["one", "two", "three"] {
        exchange.send(&chunk(text)).await;
        exchange.until(&chunk(text)).await;
    }
    exchange.send(END).await;
    assert_eq!(exchange.rest().await, END);
    let body: Vec<u8> = (0..BYTES).map(|i| (i / 7) as u8).collect();
    let echo = web::send(address, "POST", "/echo", body.clone());
    assert!(echo.await.unwrap().body == body, "the bytes are others");
}

async fn a_response_may_come_before_its_request_has_ended(way: Way) {
    let (_lattice, address) = server(way).await;
    let mut exchange = Exchange::post(address, "/early").await;
    exchange.accepted().await;
    exchange.until("early").await;
}

async fn status_and_headers_are_the_servers_own(way: Way) {
    let (_lattice, address) = server(way).await;
    let page = web::send(address, "DELETE", "/teapot", "").await.unwrap();
    assert_eq!((page.status, &*page.text()), (418, "short and stout"));
    let cookies: Vec<_> = page.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(page.headers["x-method"], "DELETE");
    let missing = web::get(address, "/missing").await.unwrap();
    assert_eq!((missing.status, missing.body.len()), (404, 0));
}

/// What a guest sees of a request's headers; all but its own are of the provider.
const ARRIVE: [&str; 6] = [
    "content-length",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-mine",
    "x-request-id",
];

async fn every_method_arrives_and_no_header_that_is_not_the_guests(way: Way) {
    let (_lattice, address) = server(way).await;
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ] {
        // What is about the connection, or names what is, is no part of the request.
        let request = format!(
            "{method} /saw HTTP/1.1\r\nhost: shop.test\r\nx-mine: 1\r\n\
             connection: close, x-hop\r\nx-hop: 2\r\nkeep-alive: timeout=9\r\n\
             proxy-connection: close\r\nupgrade: websocket\r\nte: gzip\r\n\
             http2-settings: AAAA\r\ncontent-length: 0\r\n\r\n"
        );
        let answer = raw(address, request.as_bytes()).await;
        let answer = String::from_utf8(answer).unwrap();
        let (_, saw) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{answer}"));
        let mut lines = saw.lines();
        assert_eq!(lines.next(), Some(method), "{answer}");
        let headers: Vec<_> = lines.map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(headers, ARRIVE, "{answer}");
    }
}

async fn an_actor_is_given_no_more_headers_than_its_limits_say(way: Way) {
    let few = "limits = { headers = 8, header_bytes = 256 }";
    let (lattice, _) = behind_http(way, "wstd-server", few, "").await;
    let ask = async |headers: Vec<(String, String)>| {
        let request = json!({"method": "GET", "path": "/saw", "headers": headers});
        lattice.call("guest.handle", request).await
    };
    let header = |number: usize| (format!("x-{number}"), "1".to_owned());
    assert_eq!(
        ask((0..8).map(header).collect()).await.json()["status"],
        200
    );
    for (headers, says) in [
        (
            (0..9).map(header).collect(),
            "9 headers, and `headers` is 8",
        ),
        (
            vec![("x".to_owned(), "v".repeat(256))],
            "headers of 257 bytes, and `header_bytes` is 256",
        ),
    ] {
        let failure = ask(headers).await.failure();
        assert!(failure.is("bad-request", 400), "{failure:?}");
        assert!(failure.message.contains(says), "{failure:?}");
    }
}

async fn head_has_the_headers_of_get_and_no_body(way: Way) {
    let (_lattice, address) = server(way).await;
    let get = web::get(address, "/").await.unwrap();
    assert_eq!(get.text(), "Hello from wstd!\n");
    let head = web::send(address, "HEAD", "/", "").await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], get.body.len().to_string());
    // Of a body that streams neither.
    let ticks = web::send(address, "HEAD", "/ticks", "").await.unwrap();
    assert_eq!((ticks.status, ticks.body.len()), (200, 0));
}

async fn trailers_arrive_and_are_sent(way: Way) {
    let (_lattice, address) = server(way).await;
    let mut exchange = Exchange::post(address, "/trailers").await;
    exchange.send(&chunk("three")).await;
    exchange.send("0\r\nx-sum: abc\r\n\r\n").await;
    let answer = exchange.rest().await;
    assert!(answer.contains(&chunk("5 bytes")), "{answer}");
    assert!(answer.ends_with("\r\n0\r\nx-sum: abc\r\n\r\n"), "{answer}");
}

async fn timers_ring_while_the_response_is_on_its_way(way: Way) {
    let (_lattice, address) = server(way).await;
    let ticks = web::get(address, "/ticks").await.unwrap();
    assert_eq!((ticks.status, &*ticks.text()), (200, "2\n1\n0\n"));
}

async fn an_error_is_a_bad_gateway_or_breaks_the_response_off(way: Way) {
    let (_lattice, address) = server(way).await;
    let page = web::get(address, "/fail").await.unwrap();
    assert_eq!((page.status, &*page.code()), (502, "trapped"));
    let mut exchange = Exchange::post(address, "/half").await;
    exchange.until(&chunk("half")).await;
    exchange.send(&chunk("x")).await;
    assert_eq!(exchange.rest().await, "");
}

async fn a_kept_instance_serves_one_request_after_the_other(way: Way) {
    let kept = "instance = \"reuse\"\ninstances = 1";
    let (_lattice, address) = behind_http(way, "wstd-server", kept, "").await;
    for n in 0..20 {
        let text = format!("request {n}");
        let echo = web::send(address, "POST", "/echo", text.clone());
        assert_eq!(echo.await.unwrap().text(), text);
        let ticks = web::get(address, "/ticks").await.unwrap();
        assert_eq!(ticks.text(), "2\n1\n0\n", "{n}");
    }
}
