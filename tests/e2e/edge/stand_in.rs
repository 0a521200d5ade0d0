//! Streamed bodies between real HTTP and real NATS, with the test itself in an actor's place: what no
//! guest does, or not by itself.

use std::sync::Arc;

use lattice_client::stream::{Reader, pipe};
use lattice_client::{Client, Incoming, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::{Body, Request, Response, read_trailers};
use lattice_tests::Lattice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::raw;
use crate::one_host;

/// Declared, so that a route may lead to it, and never started.
const MANIFEST: &str = r#"
name = "edge"
[actor.stand-in]
component = "bad-http"
instances = 0
[provider.web]
kind = "http"
config = { listen = "127.0.0.1:0" }
[[provider.web.route]]
path = "/"
actor = "stand-in"
"#;

/// A lattice whose actor is `answer`.
async fn edge<F>(answer: impl Fn(Incoming) -> F + Send + Sync + 'static) -> (Lattice, TcpStream)
where
    F: Future<Output = ()> + Send + 'static,
{
    let lattice = one_host().await;
    lattice.apply(MANIFEST).await;
    serve(lattice.client(), answer).await;
    let address = lattice.address("web").await;
    (lattice, TcpStream::connect(address).await.unwrap())
}

async fn serve<F>(client: &Client, answer: impl Fn(Incoming) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut serving = client.serve(&"stand-in".parse().unwrap()).await.unwrap();
    client.settle().await;
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Some(call) = serving.next().await {
            tokio::spawn(answer(call));
        }
    });
}

/// The request's body; there must be one that streams.
fn body_of(call: &Incoming) -> Reader {
    let request: Request = rmp_serde::from_slice(&call.payload).unwrap();
    match request.body {
        Body::Stream(number) => call.streams.take(number).unwrap(),
        Body::Whole(bytes) => panic!("{} bytes came whole", bytes.len()),
    }
}

/// A response whose body is this stream.
fn streamed(headers: &[(&str, &str)], body: Reader) -> Reply {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    let response = Response {
        status: 200,
        headers: headers.iter().map(field).collect(),
        body: Body::Stream(1),
    };
    Reply {
        payload: rmp_serde::to_vec_named(&response).unwrap().into(),
        streams: vec![body],
    }
}

async fn answer(call: Incoming, reply: Reply) {
    call.responder
        .answer(async { Ok::<_, CallError>(reply) })
        .await;
}

/// Sends the request's body back as it comes, with its trailers.
async fn send_back(call: Incoming) {
    let reply = streamed(&[("trailer", "x-sum")], body_of(&call));
    answer(call, reply).await;
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    text
}

const HEAD: &str = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\n\
                    connection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_bodies_come_at_once_and_the_trailers_after_them() {
    let (_lattice, mut stream) = edge(send_back).await;
    stream
        .write_all(format!("{HEAD}3\r\none\r\n").as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, "3\r\none\r\n").await;
    stream.write_all(b"3\r\ntwo\r\n").await.unwrap();
    read_until(&mut stream, "3\r\ntwo\r\n").await;
    stream.write_all(b"0\r\nx-sum: abc\r\n\r\n").await.unwrap();
    read_until(&mut stream, "0\r\nx-sum: abc\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_of_large_bodies_crosses_both_ways() {
    const PIECE: usize = 99_991;
    const PIECES: usize = 300;
    let (lattice, _) = edge(send_back).await;
    let mut request = HEAD.as_bytes().to_vec();
    let mut sent = Vec::new();
    for n in 0..PIECES {
        let piece: Vec<u8> = (0..PIECE).map(|i| (i / 3 + n) as u8).collect();
        request.extend(format!("{PIECE:x}\r\n").into_bytes());
        request.extend(&piece);
        request.extend(b"\r\n");
        sent.extend(piece);
    }
    request.extend(b"0\r\n\r\n");
    let answer = raw(lattice.address("web").await, &request).await;
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    assert!(joined(&answer[head + 4..]) == sent, "the bytes are others");
}

/// The body in these chunks, which must come to their end.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|w| w == b"\r\n").unwrap();
        let length = std::str::from_utf8(&chunks[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        let begin = line + 2;
        body.extend_from_slice(&chunks[begin..begin + length]);
        chunks = &chunks[begin + length + 2..];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_of_a_requests_body_is_its_trailers() {
    let (_lattice, mut stream) = edge(|call| async move {
        let mut body = body_of(&call);
        while let Some(piece) = body.next().await {
            piece.unwrap();
        }
        let trailers = read_trailers(&body.tail()).unwrap();
        let said = format!("{trailers:?}").into();
        answer(call, streamed(&[], Reader::whole(said, Default::default()))).await;
    })
    .await;
    let request = format!("{HEAD}3\r\none\r\n0\r\nx-sum: abc\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains(r#"("x-sum", FieldValue(b"abc"))"#),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_ends_the_streams_both_ways() {
    let (up, down) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let told = (up.clone(), down.clone());
    let (_lattice, mut stream) = edge(move |call| {
        let (up, down) = told.clone();
        async move {
            let mut body = body_of(&call);
            let (mut writer, reader) = pipe(1 << 16);
            tokio::spawn(async move {
                let first = body.next().await.unwrap().unwrap();
                writer.write(first).await.unwrap();
                assert!(body.next().await.unwrap().is_err(), "an end that was none");
                up.notify_one();
                writer.closed().await;
                down.notify_one();
            });
            answer(call, streamed(&[], reader)).await;
        }
    })
    .await;
    stream
        .write_all(format!("{HEAD}3\r\none\r\n").as_bytes())
        .await
        .unwrap();
    read_until(&mut stream, "3\r\none\r\n").await;
    drop(stream);
    up.notified().await;
    down.notified().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_whose_stream_fails_never_looks_whole() {
    let (lattice, _) = edge(|call| async move {
        let (mut writer, reader) = pipe(1 << 16);
        tokio::spawn(async move {
            writer.write("half".into()).await.unwrap();
            writer.fail(CallError::begun(ErrorCode::Trapped, "secret of the actor"));
        });
        answer(call, streamed(&[], reader)).await;
    })
    .await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = raw(lattice.address("web").await, request).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        !answer.contains("0\r\n\r\n") && !answer.contains("secret"),
        "{answer}"
    );
}
