//! What the tests of this crate share: a server in front of a function, and clients for it.

mod actors;
pub(crate) mod frames;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lattice_config::Route;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::Server;

pub(crate) use actors::Actors;

/// A server on a free port.
pub(crate) struct Web {
    pub(crate) server: Arc<Server<Actors>>,
    pub(crate) actors: Actors,
    pub(crate) address: SocketAddr,
}

/// The config with a free port and `more`.
pub(crate) fn config(more: Value) -> Map<String, Value> {
    let mut config = Map::from_iter([("listen".to_owned(), json!("127.0.0.1:0"))]);
    config.extend(more.as_object().unwrap().clone());
    config
}

pub(crate) fn route(path: &str, actor: &str) -> Route {
    Route {
        host: None,
        path: path.into(),
        actor: actor.parse().unwrap(),
    }
}

/// Starts a server that sends everything to `root`.
pub(crate) async fn web(more: Value) -> Web {
    let actors = Actors::default();
    let server = Arc::new(Server::new(actors.clone()).unwrap());
    server
        .apply(&config(more), &[route("/", "root")])
        .await
        .unwrap();
    let address = server.address().await.unwrap();
    Web {
        server,
        actors,
        address,
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.head
            .headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    async fn read(response: http::Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }
}

impl Web {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(path), "").await
    }

    /// Sends one request over HTTP/1.1.
    pub(crate) async fn send(&self, request: http::request::Builder, body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = request.header("host", "web.example");
        let request = request
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap();
        let answer = Answer::read(client.send_request(request).await.unwrap()).await;
        drop(client);
        let _ = connection.await;
        answer
    }

    /// Sends one request over HTTP/2.
    pub(crate) async fn send_h2(&self, request: http::request::Builder, body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        send_h2_on(stream, request, body).await
    }

    /// Sends bytes as they are, and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_to_end(stream).await
    }
}

/// Sends one request over HTTP/2 on a stream of any kind.
pub(crate) async fn send_h2_on<S>(stream: S, request: http::request::Builder, body: &str) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    let answer = Answer::read(client.send_request(request).await.unwrap()).await;
    connection.abort();
    answer
}

pub(crate) async fn read_to_end(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads until `text` ends with `end`.
pub(crate) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = stream.read_u8().await.unwrap();
        text.push(char::from(byte));
    }
    text
}
