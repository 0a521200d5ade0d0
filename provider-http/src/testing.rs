//! What the tests of this crate share: a server in front of a function, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lattice_client::Call;
use lattice_config::Route;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::{Request, Response};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::backend::Backend;
use crate::server::Server;

/// Actors as the tests need them: what one does is told by its path.
#[derive(Clone, Default)]
pub(crate) struct Actors(Arc<State>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) disconnected: AtomicBool,
    /// A call to `/wait` has begun.
    pub(crate) begun: Notify,
    /// Lets it go on.
    pub(crate) proceed: Notify,
    /// It was dropped before it ended.
    pub(crate) cancelled: Notify,
}

impl std::ops::Deref for Actors {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Backend for Actors {
    fn is_connected(&self) -> bool {
        !self.disconnected.load(Ordering::Relaxed)
    }

    fn max_payload(&self) -> usize {
        1024 * 1024
    }

    async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        assert_eq!(
            call.endpoint.to_string(),
            "wasi:http/incoming-handler.handle"
        );
        let request: Request = rmp_serde::from_slice(&call.payload).unwrap();
        let response = match request.path.as_str() {
            "/trap" => return Err(CallError::begun(ErrorCode::Trapped, "secret of the guest")),
            "/full" => return Err(CallError::refused(ErrorCode::Overloaded, "no room")),
            "/garbage" => return Ok(Bytes::from_static(b"\xc1")),
            "/forge" => response(200, "a\r\nx-forged", ""),
            "/wait" => {
                let cancelled = OnDrop(&self.cancelled);
                self.begun.notify_one();
                self.proceed.notified().await;
                std::mem::forget(cancelled);
                response(200, "x-waited", "waited")
            }
            // Says what it was asked.
            _ => echo(&call, &request),
        };
        Ok(rmp_serde::to_vec_named(&response).unwrap().into())
    }
}

struct OnDrop<'a>(&'a Notify);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn response(status: u16, header: &str, body: &str) -> Response {
    Response {
        status,
        headers: vec![(header.to_owned(), "1".into())],
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn echo(call: &Call, request: &Request) -> Response {
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(n, v)| (n.clone(), String::from_utf8_lossy(&v.0).into()))
        .collect();
    let said = json!({
        "actor": call.target.as_str(),
        "method": request.method,
        "authority": request.authority,
        "path": request.path,
        "headers": headers,
        "body_len": request.body.len(),
    });
    response(200, "x-echo", &said.to_string())
}

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

    /// Sends bytes as they are, and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_to_end(stream).await
    }
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
