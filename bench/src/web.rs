//! An HTTP client with one connection that stays open.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::load::Work;

/// A connection to a server.
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("failed to connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its end shows in the next request.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string().parse()?,
        })
    }

    /// One request without headers, to the end of its response, which must be a 200.
    pub(crate) async fn request(&mut self, method: &str, path: &str) -> anyhow::Result<HeaderMap> {
        let request = http::Request::builder().method(method).uri(path);
        self.send(request.body(Empty::new())?).await
    }

    /// The same of a request that has headers.
    pub(crate) async fn send(
        &mut self,
        mut request: http::Request<Empty<Bytes>>,
    ) -> anyhow::Result<HeaderMap> {
        let path = request.uri().path().to_owned();
        request.headers_mut().insert(HOST, self.host.clone());
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let said = || String::from_utf8_lossy(&body).trim().to_owned();
        ensure!(
            parts.status == 200,
            "{path} answered {}: {}",
            parts.status,
            said()
        );
        Ok(parts.headers)
    }
}

/// Asks for one path again and again.
pub(crate) struct Get {
    connection: Connection,
    path: String,
}

impl Get {
    /// So many connections.
    pub(crate) async fn many(
        address: SocketAddr,
        path: &str,
        connections: usize,
    ) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for _ in 0..connections {
            let connection = Connection::open(address).await?;
            all.push(Self {
                connection,
                path: path.to_owned(),
            });
        }
        Ok(all)
    }
}

impl Work for Get {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.connection.request("GET", &self.path).await.map(drop)
    }
}
