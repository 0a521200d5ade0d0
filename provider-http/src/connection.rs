//! One connection: TLS if the listener has a certificate, then HTTP/1.1 or HTTP/2.
//!
//! With TLS the client says by ALPN which HTTP it speaks; without, and without ALPN, its first bytes
//! do. When a connection is over is told in `activity`; one that is told to close finishes what it
//! has: HTTP/1.1 says `connection: close` with its next response, HTTP/2 sends GOAWAY.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::activity::{Activity, Over};
use crate::backend::Backend;
use crate::config::Limits;
use crate::forwarded::Peer;
use crate::service::Service;
use crate::turn::{Streams, Turn};
use crate::watched::Watched;

/// How long a connection that is told to close may still take: the default deadline of a call, so
/// that ordinary requests finish.
const DRAIN_MAX: Duration = lattice_protocol::call::DEADLINE_DEFAULT;
/// How long it may take without a request in flight: half a request head doesn't hold it up, and
/// the rest of a response has time to be read.
const LINGER: Duration = Duration::from_secs(2);
/// What an HTTP/2 client may send of one body before it is read: a megabyte in flight fills a fast
/// line over a continent, and a connection holds no more for all its bodies together.
const WINDOW_BYTES: u32 = 1024 * 1024;
/// What one HTTP/2 stream holds of a response that its client doesn't take yet: several frames, so
/// that the line doesn't run dry.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// Requests that an HTTP/2 client took back before they were looked at, and streams that we had to
/// reset for its errors, over the life of a connection. Past either it is closed with
/// ENHANCE_YOUR_CALM.
const RESETS_PENDING_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 256;

/// Serves one connection to its end, or until `stop` and a drain.
pub(crate) async fn serve<B: Backend>(
    stream: TcpStream,
    peer: IpAddr,
    service: Arc<Service<B>>,
    stop: CancellationToken,
) {
    // A response is one write: waiting for more only delays it.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "nodelay failed");
    }
    let live = service.live().borrow().clone();
    let Some(tls) = &live.tls else {
        let peer = Peer {
            address: peer,
            tls: false,
        };
        return speak(stream, peer, &live.limits, service, stop).await;
    };
    let handshake = tls.accept(stream, live.limits.header_timeout);
    match stop.run_until_cancelled(handshake).await {
        None => {}
        Some(Err(refused)) => debug!(%peer, %refused, "no TLS"),
        Some(Ok(stream)) => {
            let peer = Peer {
                address: peer,
                tls: true,
            };
            speak(stream, peer, &live.limits, service, stop).await;
        }
    }
}

async fn speak<B: Backend>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    limits: &Limits,
    service: Arc<Service<B>>,
    stop: CancellationToken,
) {
    let activity = Arc::new(Activity::new());
    let answer = service_fn(|request| {
        let (service, activity) = (service.clone(), activity.clone());
        async move {
            let exchange = activity.begin(Turn::of_stream());
            // Boxed: else each connection that waits for a request carries room for its answer.
            let response = Box::pin(service.respond(request, peer, exchange));
            Ok::<_, Infallible>(response.await)
        }
    });
    let builder = builder(limits);
    let stream = TokioIo::new(Watched::new(stream, activity.clone()));
    let mut connection = pin!(builder.serve_connection(stream, answer));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        over = activity.over(limits) => match over {
            Over::Idle => None,
            Over::SlowHead | Over::Flooded => {
                debug!(peer = %peer.address, ?over, "connection cut off");
                return;
            }
        },
        () = stop.cancelled() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            // What is left then is dropped, and the calls in flight with it.
            tokio::select! {
                ended = connection => ended,
                () = activity.idle(LINGER) => Ok(()),
                () = tokio::time::sleep(DRAIN_MAX) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        debug!(peer = %peer.address, error, "connection failed");
    }
}

fn builder(limits: &Limits) -> Builder<Streams> {
    let mut builder = Builder::new(Streams {
        patience: limits.idle_timeout,
    });
    builder
        .http1()
        .timer(TokioTimer::new())
        // Its clock would run between requests too; `activity` has one for each.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS_PENDING_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        // The config bounds it far below 4 GiB.
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    builder
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod tests;
