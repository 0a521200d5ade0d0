//! Connections as hostile or patient clients make them.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::testing::frames::{Frame, GOAWAY, RST_STREAM, Raw, SETTINGS};
use crate::testing::{read_to_end, web};

const NO_ERROR: u32 = 0;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// The code of a GOAWAY, after the last stream, or of a RST_STREAM.
fn code(frame: &Frame) -> u32 {
    let at = if frame.kind == GOAWAY { 4 } else { 0 };
    u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap())
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off_though_the_connection_may_idle_for_long() {
    let web = web(json!({"header_timeout_ms": 30})).await;
    for said in [&b"GET / HTTP/1.1\r\nhost:"[..], b"P"] {
        assert_eq!(web.raw(said).await, "", "{said:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_tells_its_clients_to_go_elsewhere() {
    let web = web(json!({})).await;
    let mut plain = TcpStream::connect(web.address).await.unwrap();
    plain
        .write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    web.actors.begun.notified().await;
    let mut h2 = Raw::connect(web.address).await;
    h2.get(1, "/wait").await.unwrap();
    web.actors.begun.notified().await;

    let server = web.server.clone();
    let stopping = tokio::spawn(async move { server.stop().await });
    let goaway = h2.next_of(GOAWAY).await.unwrap();
    assert_eq!(code(&goaway), NO_ERROR);
    web.actors.proceed.notify_one();
    web.actors.proceed.notify_one();
    tokio::join!(
        async {
            let answer = read_to_end(plain).await;
            assert!(answer.contains("connection: close\r\n"), "{answer}");
            assert!(answer.ends_with("waited"), "{answer}");
        },
        async {
            web.actors.proceed.notify_one();
            let mut ended = false;
            while let Some(frame) = h2.next().await {
                ended |= frame.stream == 1 && frame.payload.ends_with(b"waited");
            }
            assert!(ended, "the request in flight was not answered");
        }
    );
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_client_that_takes_back_its_requests_without_end_is_cut_off() {
    let web = web(json!({})).await;
    let mut h2 = Raw::connect(web.address).await;
    let mut stream = 1;
    loop {
        // Each is with its actor before it is taken back, so it isn't free.
        if h2.get(stream, "/wait").await.is_err() {
            break;
        }
        tokio::select! {
            () = web.actors.begun.notified() => {}
            () = h2.ended() => break,
        }
        if h2.reset(stream).await.is_err() {
            break;
        }
        stream += 2;
        assert!(stream < 10_000, "nobody minds");
    }
    assert!(stream > 1000, "cut off after {stream}");
}

#[tokio::test]
async fn requests_taken_back_before_they_are_looked_at_end_the_connection() {
    let web = web(json!({})).await;
    let mut h2 = Raw::connect(web.address).await;
    for stream in (1..400).step_by(2) {
        if h2.get(stream, "/wait").await.is_err() || h2.reset(stream).await.is_err() {
            break;
        }
    }
    let goaway = h2.next_of(GOAWAY).await.unwrap();
    assert_eq!(code(&goaway), ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn a_connection_has_as_many_requests_at_once_as_it_was_told() {
    let web = web(json!({"streams_max": 2})).await;
    let mut h2 = Raw::connect(web.address).await;
    let settings = h2.next_of(SETTINGS).await.unwrap();
    let told = settings.payload.chunks(6).any(|s| s == [0, 3, 0, 0, 0, 2]);
    assert!(told, "{settings:?}");
    for stream in [1, 3, 5] {
        h2.get(stream, "/wait").await.unwrap();
    }
    let reset = h2.next_of(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, code(&reset)), (5, REFUSED_STREAM));
}
