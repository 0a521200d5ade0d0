//! Bodies that come piece by piece, both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::testing::{Web, read_to_end, read_until, web};

const INLINE: usize = lattice_protocol::standard::http::INLINE_BYTES_MAX;

/// A request with a body in chunks.
fn chunked(path: &str, chunks: &[&str], end: &str) -> String {
    let chunks: String = chunks.iter().map(|chunk| self::chunk(chunk)).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\n\
         connection: close\r\n\r\n{chunks}{end}"
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn connect(web: &Web, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// An HTTP/2 client; its connection lives as long as the runtime.
async fn h2<B>(web: &Web) -> http2::SendRequest<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    let stream = TcpStream::connect(web.address).await.unwrap();
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

fn get(path: &str) -> http::Request<http_body_util::Empty<Bytes>> {
    let uri = format!("http://h2.example{path}");
    http::Request::get(uri)
        .body(http_body_util::Empty::new())
        .unwrap()
}

/// The body of an HTTP/2 response, if it is whole. What breaks off at once may take the head with it.
async fn h2_body(web: &Web, path: &str) -> Result<http_body_util::Collected<Bytes>, hyper::Error> {
    let response = h2(web).await.send_request(get(path)).await?;
    response.into_body().collect().await
}

async fn h2_get(web: &Web, path: &str) -> http::Response<Incoming> {
    h2(web).await.send_request(get(path)).await.unwrap()
}

#[tokio::test]
async fn a_short_announced_body_travels_inline_and_any_other_as_a_stream() {
    let web = web(json!({})).await;
    for (length, streamed) in [
        (0, false),
        (INLINE, false),
        (INLINE + 1, true),
        (5 << 20, true),
    ] {
        let answer = web
            .send(http::Request::post("/"), &"x".repeat(length))
            .await;
        let seen = answer.json();
        assert_eq!(seen["body_len"], json!(length));
        assert_eq!(seen["streamed"], json!(streamed), "{length}");
    }
    let answer = web
        .raw(chunked("/", &["abc", "de"], "0\r\n\r\n").as_bytes())
        .await;
    assert!(answer.contains(r#""body_len":5"#), "{answer}");
    assert!(answer.contains(r#""streamed":true"#), "{answer}");
}

#[tokio::test]
async fn the_trailers_of_a_request_reach_the_actor() {
    let web = web(json!({})).await;
    let end = "0\r\nx-sum: abc\r\nx-forwarded-for: forged\r\n\r\n";
    let answer = web.raw(chunked("/", &["abc"], end).as_bytes()).await;
    assert!(answer.contains(r#""trailers":{"x-sum":"abc"}"#), "{answer}");
}

#[tokio::test]
async fn a_response_is_sent_as_it_comes() {
    let web = web(json!({})).await;
    let mut stream = connect(&web, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = read_until(&mut stream, "first\r\n").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    web.actors.proceed.notify_one();
    read_until(&mut stream, "5\r\nlater\r\n0\r\n\r\n").await;
    // The connection is as good as new.
    stream
        .write_all(b"GET /early HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "early").await;
}

#[tokio::test]
async fn both_bodies_may_come_at_once() {
    let web = web(json!({})).await;
    let mut stream = connect(&web, &chunked("/duplex", &["one"], "")).await;
    read_until(&mut stream, "3\r\none\r\n").await;
    stream.write_all(chunk("two").as_bytes()).await.unwrap();
    read_until(&mut stream, "3\r\ntwo\r\n").await;
    stream.write_all(b"0\r\nx-sum: abc\r\n\r\n").await.unwrap();
    assert!(read_to_end(stream).await.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn a_response_need_not_wait_for_the_request() {
    let web = web(json!({})).await;
    let mut stream = connect(&web, &chunked("/early", &["abc"], "")).await;
    assert!(read_until(&mut stream, "early").await.contains("200 OK"));
}

#[tokio::test]
async fn a_client_that_waits_for_a_word_gets_it_for_a_streamed_body_too() {
    let web = web(json!({})).await;
    let request = chunked("/", &[], "").replace("te: trailers", "expect: 100-continue");
    let mut stream = connect(&web, &request).await;
    assert_eq!(
        read_until(&mut stream, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    stream.write_all(b"3\r\nabc\r\n0\r\n\r\n").await.unwrap();
    assert!(read_to_end(stream).await.contains(r#""body_len":3"#));
}

#[tokio::test]
async fn a_body_that_grows_over_the_limit_ends_what_has_begun() {
    let web = web(json!({"body_bytes_max": 10})).await;
    let answer = web
        .raw(chunked("/hold", &["123456", "789012"], "0\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Once the response has begun no status can tell: it breaks off.
    let mut stream = connect(&web, &chunked("/duplex", &["123456"], "")).await;
    read_until(&mut stream, "6\r\n123456\r\n").await;
    stream.write_all(chunk("789012").as_bytes()).await.unwrap();
    let rest = read_to_end(stream).await;
    assert!(!rest.contains("0\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn a_streamed_body_that_stops_coming_is_408() {
    let web = web(json!({"body_timeout_ms": 20})).await;
    let answer = web.raw(chunked("/", &["abc"], "").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_streamed_body_that_breaks_off_is_never_taken_for_a_whole_one() {
    let web = web(json!({})).await;
    let stream = connect(&web, &chunked("/", &["abc"], "")).await;
    drop(stream);
    web.actors.cancelled.notified().await;
    let answer = web
        .raw(chunked("/", &["abc"], "nonsense\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    web.actors.cancelled.notified().await;
}

#[tokio::test]
async fn an_announced_length_is_kept_and_held_to() {
    let web = web(json!({})).await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut stream = connect(&web, &request("/announced")).await;
    web.actors.proceed.notify_one();
    let answer = read_until(&mut stream, "firstlater").await;
    assert!(answer.contains("content-length: 10\r\n"), "{answer}");
    // Too little of it ends the connection, so that nobody waits or takes the next answer for it.
    let short = web.raw(request("/short").as_bytes()).await;
    let announced = short.contains("content-length: 10\r\n");
    assert!(short.is_empty() || announced, "{short}");
    let long = web.raw(request("/long").as_bytes()).await;
    assert!(!long.contains("12345"), "{long}");
    for path in ["/short", "/long"] {
        assert!(h2_body(&web, path).await.is_err(), "{path}");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_never_taken_for_a_whole_one() {
    let web = web(json!({})).await;
    let answer = web.raw(b"GET /broken HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
    assert!(!answer.contains("secret"), "{answer}");
    assert!(h2_body(&web, "/broken").await.is_err());
}

#[tokio::test]
async fn the_trailers_of_a_response_reach_a_client_that_takes_them() {
    let web = web(json!({})).await;
    let request = "GET /trailers HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    let with = web
        .raw(format!("{request}te: trailers\r\n\r\n").as_bytes())
        .await;
    assert!(with.ends_with("0\r\nx-sum: abc\r\n\r\n"), "{with}");
    let without = web.raw(format!("{request}\r\n").as_bytes()).await;
    assert!(without.ends_with("4\r\nbody\r\n0\r\n\r\n"), "{without}");
    let body = h2_body(&web, "/trailers").await.unwrap();
    let trailers = body.trailers().unwrap();
    assert_eq!(
        (trailers.len(), &trailers["x-sum"]),
        (1, &"abc".parse().unwrap())
    );
}

#[tokio::test]
async fn a_head_request_ends_the_body_that_nobody_will_read() {
    let web = web(json!({})).await;
    let request = b"HEAD /endless HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = web.raw(request).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    web.actors.cancelled.notified().await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_ends_the_actors_work() {
    let web = web(json!({})).await;
    let mut stream = connect(&web, "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await;
    read_until(&mut stream, "first\r\n").await;
    drop(stream);
    web.actors.cancelled.notified().await;

    let mut response = h2_get(&web, "/stream").await;
    response.frame().await.unwrap().unwrap();
    drop(response);
    web.actors.cancelled.notified().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_costs_little_and_is_cut_off() {
    let web = web(json!({"idle_timeout_ms": 200})).await;
    let stream = connect(&web, "GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    web.actors.cancelled.notified().await;
    // Nearly all of it is in the kernel's buffers.
    assert!(web.actors.written.load(Ordering::Relaxed) < 32 << 20);
    drop(stream);
}

#[tokio::test]
async fn an_http_2_stream_that_is_not_read_is_cut_off_and_the_others_go_on() {
    let web = web(json!({"idle_timeout_ms": 200})).await;
    let mut client = h2(&web).await;
    let unread = client.send_request(get("/endless")).await.unwrap();
    let busy = client.send_request(get("/wait"));
    web.actors.cancelled.notified().await;
    // What hyper's client and this server hold of it, and no more.
    assert!(web.actors.written.load(Ordering::Relaxed) < 8 << 20);
    web.actors.proceed.notify_one();
    assert_eq!(busy.await.unwrap().status(), 200);
    assert!(unread.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_client_is_read_as_fast_as_its_actor_reads() {
    const PIECE: usize = 16 * 1024;
    let web = web(json!({})).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let endless = stream::repeat_with(move || {
        counter.fetch_add(PIECE, Ordering::Relaxed);
        Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; PIECE])))
    });
    let request = http::Request::post("http://h2.example/hold")
        .body(StreamBody::new(endless))
        .unwrap();
    let mut client = h2(&web).await;
    let answer = tokio::spawn(async move { client.send_request(request).await });
    web.actors.begun.notified().await;
    let (mut seen, mut still) = (0, 0);
    while still < 1000 {
        tokio::task::yield_now().await;
        let now = sent.load(Ordering::Relaxed);
        still = if now == seen { still + 1 } else { 0 };
        seen = now;
    }
    assert!(seen < 2 << 20, "{seen} bytes for an actor that reads none");
    web.actors.proceed.notify_one();
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn bodies_under_way_share_one_bound() {
    let web = web(json!({"held_bytes_max": 1 << 20})).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(connect(&web, &chunked("/hold", &["abc"], "")).await);
        web.actors.begun.notified().await;
    }
    let refused = web
        .raw(chunked("/hold", &["abc"], "0\r\n\r\n").as_bytes())
        .await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    drop(held.pop());
    loop {
        let mut stream = connect(&web, &chunked("/early", &["abc"], "0\r\n\r\n")).await;
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.unwrap();
        if &line == b"HTTP/1.1 200" {
            break;
        }
    }
}
