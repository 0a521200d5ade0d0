//! The HTTP provider's edge, with real actors behind it: TLS, the access log, bodies of any size.

pub(crate) mod https;
mod service;
mod stand_in;

use std::net::SocketAddr;

use lattice_tests::{Lattice, web};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::one_host;

/// The actor `bad-http` behind a server with this config.
fn manifest(config: &str) -> String {
    format!(
        r#"
        name = "edge"
        [actor.bad-http]
        component = "bad-http"
        [provider.web]
        kind = "http"
        config = {{ listen = "127.0.0.1:0", {config} }}
        [[provider.web.route]]
        path = "/"
        actor = "bad-http"
        "#
    )
}

async fn edge(config: &str) -> (Lattice, SocketAddr) {
    let lattice = one_host().await;
    lattice.apply(&manifest(config)).await;
    let address = lattice.address("web").await;
    (lattice, address)
}

/// Sends bytes as they are, and reads until the server closes.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.split();
    let mut answer = Vec::new();
    let (sent, read) = tokio::join!(to.write_all(request), from.read_to_end(&mut answer));
    sent.unwrap();
    read.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_larger_than_any_message_pass_through_both_ways() {
    const BYTES: usize = 20 << 20;
    let (_lattice, address) = edge("timeout_ms = 30_000").await;
    let body: Vec<u8> = (0..BYTES).map(|i| (i / 7) as u8).collect();
    let echo = web::send(address, "POST", "/echo", body.clone())
        .await
        .unwrap();
    assert_eq!((echo.status, echo.body.len()), (200, BYTES));
    assert!(echo.body == body, "the bytes are others");
    assert_eq!(echo.headers["content-length"], BYTES.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_unknown_length_reaches_the_actor_and_comes_back_in_chunks() {
    let (_lattice, address) = edge("timeout_ms = 10_000").await;
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
                connection: close\r\n\r\n";
    let piece = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    let request = format!("{head}{}0\r\n\r\n", piece.repeat(10));
    let answer = raw(address, request.as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{:.200}", answer);
    assert!(
        answer.contains("transfer-encoding: chunked\r\n"),
        "{:.400}",
        answer
    );
    assert!(answer.ends_with("\r\n0\r\n\r\n"));
    assert_eq!(answer.matches('x').count(), 1_000_000 + head_count(&answer));
}

/// How many of that letter the head has.
fn head_count(answer: &str) -> usize {
    answer
        .split_once("\r\n\r\n")
        .unwrap()
        .0
        .matches('x')
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_breaks_off_in_the_middle_never_looks_whole() {
    let (_lattice, address) = edge("timeout_ms = 10_000").await;
    let request = b"GET /trap-late HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = String::from_utf8(raw(address, request).await).unwrap();
    let is_refused = answer.starts_with("HTTP/1.1 502 ");
    assert!(is_refused || !answer.ends_with("0\r\n\r\n"), "{answer}");
    // And the next request is served.
    let next = web::get(address, "/status?code=204").await.unwrap();
    assert_eq!(next.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_a_line_in_the_log_of_its_provider() {
    let lattice = one_host().await;
    let logs = lattice.logs().await;
    lattice.apply(&manifest("access_log = true")).await;
    let address = lattice.address("web").await;
    web::get(address, "/status?code=204&secret=1")
        .await
        .unwrap();
    let line = logs.with("web", "path=\"/status\"").await;
    let line = line["message"].as_str().unwrap();
    for field in [
        "method=\"GET\"",
        "status=204",
        "actor=\"bad-http\"",
        "end=\"complete\"",
    ] {
        assert!(line.contains(field), "{field}: {line}");
    }
    assert!(!line.contains("secret"), "{line}");
}
