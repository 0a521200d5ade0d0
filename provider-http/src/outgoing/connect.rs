//! A new connection: the name, its addresses, one of them, TLS, and which HTTP is spoken.
//!
//! What the link permits is asked of the very addresses that are connected to: the name is looked up
//! once, and never again for that connection.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lattice_protocol::standard::http::{HEADERS_MAX, OutgoingError as Fault};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use super::config::Limits;
use super::destination::{Destination, Scheme};
use super::fault;
use super::policy::Policy;
use super::upload::Upload;

/// Names that are looked up at once: each takes a thread until the system answers.
const LOOKUPS_MAX: usize = 32;
/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 8;
/// How long one address is waited for before the next is tried as well (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);
/// What is held of one HTTP/2 response that its actor doesn't read: four windows of frames.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The most of all responses on one connection, whatever `requests_per_host_max` says.
const CONNECTION_WINDOW_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// What is held of one HTTP/2 request that its server doesn't read.
const SEND_BYTES_MAX: usize = 256 * 1024;
/// How often a server that is silent in the middle of HTTP/2 requests is asked whether it is there, and
/// how long for.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes connections.
pub(super) struct Dialer {
    limits: Limits,
    tls: Arc<ClientConfig>,
    lookups: Arc<Semaphore>,
}

/// A connection; it ends with its task.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) speaks: Speaks,
    /// Where it leads.
    pub(super) address: IpAddr,
}

/// What is spoken on it.
#[derive(Debug)]
pub(super) enum Speaks {
    Http1(http1::SendRequest<Upload>, AbortOnDropHandle<()>),
    Http2(http2::SendRequest<Upload>, Arc<AbortOnDropHandle<()>>),
}

impl Dialer {
    pub(super) fn new(limits: Limits, tls: Arc<ClientConfig>) -> Self {
        Self {
            limits,
            tls,
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }

    /// A connection to an address that `policy` permits, by `deadline`.
    pub(super) async fn connect(
        &self,
        to: &Destination,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Connection, Fault> {
        let addresses = timeout_at(deadline, self.look_up(to)).await;
        let addresses = addresses.map_err(|_| Fault::DnsTimeout)??;
        if addresses.is_empty() {
            return Err(Fault::DestinationNotFound);
        }
        let mut permitted = policy.permitted(addresses);
        if permitted.is_empty() {
            return Err(Fault::DestinationIpProhibited);
        }
        permitted.truncate(ADDRESSES_MAX);
        let opened = timeout_at(deadline, self.open(to, permitted)).await;
        opened.map_err(|_| Fault::ConnectionTimeout)?
    }

    async fn look_up(&self, to: &Destination) -> Result<Vec<SocketAddr>, Fault> {
        if let Some(address) = to.address() {
            return Ok(vec![SocketAddr::new(address, to.port)]);
        }
        // Never closed. The permit stays with the thread, which nobody can cancel.
        let turn = self.lookups.clone().acquire_owned().await;
        let (host, port) = (to.host.clone(), to.port);
        let looked_up = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            (host.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect)
        });
        let found: std::io::Result<Vec<SocketAddr>> =
            looked_up.await.map_err(|_| Fault::DnsError)?;
        found.map_err(|error| {
            debug!(%error, host = to.host, "a name could not be looked up");
            Fault::DnsError
        })
    }

    async fn open(&self, to: &Destination, at: Vec<SocketAddr>) -> Result<Connection, Fault> {
        let (stream, address) = dial(at).await?;
        // Small requests wait for nothing.
        let _ = stream.set_nodelay(true);
        let speaks = match to.scheme {
            Scheme::Http => self.http1(stream).await?,
            Scheme::Https => self.secure(to, stream).await?,
        };
        Ok(Connection { speaks, address })
    }

    async fn secure(&self, to: &Destination, stream: TcpStream) -> Result<Speaks, Fault> {
        let name =
            ServerName::try_from(to.host.clone()).map_err(|_| Fault::HttpRequestUriInvalid)?;
        let connector = TlsConnector::from(self.tls.clone());
        let stream = connector.connect(name, stream).await.map_err(|error| {
            debug!(%error, host = to.host, "TLS failed");
            fault::of_tls(&error)
        })?;
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.http2(stream).await,
            _ => self.http1(stream).await,
        }
    }

    async fn http1<S>(&self, stream: S) -> Result<Speaks, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = http1::Builder::new();
        http.max_buf_size(self.limits.header_bytes_max)
            .max_headers(HEADERS_MAX);
        let (sender, connection) = http
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| fault::of_request(&error))?;
        Ok(Speaks::Http1(sender, run(connection)))
    }

    async fn http2<S>(&self, stream: S) -> Result<Speaks, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Room for every response at once: those that nobody reads must not hold up the others.
        let all = u32::try_from(self.limits.requests_per_host_max).unwrap_or(u32::MAX);
        let all = STREAM_WINDOW_BYTES.saturating_mul(all);
        let header_bytes = u32::try_from(self.limits.header_bytes_max).unwrap_or(u32::MAX);
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(all.min(CONNECTION_WINDOW_BYTES_MAX))
            .max_send_buf_size(SEND_BYTES_MAX)
            .max_header_list_size(header_bytes)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        let (sender, connection) = http
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| fault::of_request(&error))?;
        Ok(Speaks::Http2(sender, Arc::new(run(connection))))
    }
}

fn run<F>(connection: F) -> AbortOnDropHandle<()>
where
    F: Future<Output = hyper::Result<()>> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "a connection ended");
        }
    }))
}

/// The first of the addresses that answers; each has a moment before the next is tried as well.
async fn dial(addresses: Vec<SocketAddr>) -> Result<(TcpStream, IpAddr), Fault> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failed = None;
    loop {
        match waiting.next() {
            Some(address) => attempts.push(async move {
                let stream = TcpStream::connect(address).await?;
                Ok::<_, std::io::Error>((stream, address.ip()))
            }),
            None if attempts.is_empty() => {
                return Err(failed.unwrap_or(Fault::DestinationUnavailable));
            }
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(ended) = attempts.next() => match ended {
                Ok(connected) => return Ok(connected),
                Err(error) => failed = Some(fault::of_connecting(&error)),
            },
            () = tokio::time::sleep(STAGGER), if more => {}
            else => {}
        }
    }
}
