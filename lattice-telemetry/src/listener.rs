//! `GET /metrics`, for Prometheus, and `GET /healthz`, for whoever restarts processes.
//!
//! Nobody is asked who they are: the address should be one that only operators reach.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Telemetry;
use crate::metrics::text;

/// Connections at once: a few scrapers and a person. Further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may live: a scraper that keeps its own open makes a new one then.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// How long the head of a request may take.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// The longest head: a scraper's has a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long to wait after a failure to accept, so that connections that end make room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that answers with metrics.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Answers {
    telemetry: Telemetry,
    /// One text is made at a time: with thousands of actors it is large.
    turn: Arc<Semaphore>,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address with the port that was really taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`.
    pub(crate) async fn run(self, telemetry: Telemetry, stop: CancellationToken) {
        let answers = Answers {
            telemetry,
            turn: Arc::new(Semaphore::new(1)),
        };
        // Dropped at the end, and the connections with it: a scrape can be made again.
        let mut connections = JoinSet::new();
        loop {
            let room = connections.len() < CONNECTIONS_MAX;
            tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = connections.join_next() => {}
                accepted = self.socket.accept(), if room => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, answers.clone()));
                    }
                    Err(error) => {
                        warn!(%error, "failed to accept a connection for metrics");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }
}

async fn serve(stream: TcpStream, answers: Answers) {
    let answer = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer);
    match tokio::time::timeout(CONNECTION_MAX, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => debug!(%error, "a connection for metrics failed"),
    }
}

impl Answers {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "GET, please\n");
        }
        match request.uri().path() {
            "/metrics" => self.metrics().await,
            "/healthz" => health(self.telemetry.is_healthy()),
            _ => plain(StatusCode::NOT_FOUND, "there is /metrics and /healthz\n"),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        let Some(registry) = self.telemetry.registry().cloned() else {
            return plain(StatusCode::NOT_FOUND, "no metrics are kept\n");
        };
        let _turn = self.turn.acquire().await;
        let text = tokio::task::spawn_blocking(move || text::write(&registry.samples()));
        match text.await {
            Ok(text) => response(StatusCode::OK, text::CONTENT_TYPE, text.into()),
            Err(error) => {
                warn!(%error, "failed to read the metrics");
                plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "failed to read the metrics\n",
                )
            }
        }
    }
}

fn health(healthy: Option<bool>) -> Response<Full<Bytes>> {
    match healthy {
        Some(true) => plain(StatusCode::OK, "ok\n"),
        Some(false) => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "no connection to the lattice\n",
        ),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let bytes = Bytes::from_static(text.as_bytes());
    response(status, "text/plain; charset=utf-8", bytes)
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
