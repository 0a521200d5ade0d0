//! One connection: HTTP/1.1 or HTTP/2, told apart by its first bytes.
//!
//! A connection is closed when no request came in whole, none was in flight and no byte could be
//! written for `idle_timeout_ms` (up to a quarter longer, for it is looked at in laps). That one
//! rule bounds keep-alive, clients that send their headers drop by drop, and those that don't read
//! on in a response; hyper's own timer covers neither HTTP/2 nor the first bytes.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::backend::Backend;
use crate::config::Limits;
use crate::service::Service;
use crate::watched::Watched;

/// How long a connection that is told to close may still take: the default deadline of a call, so
/// that ordinary requests finish.
const DRAIN_MAX: Duration = lattice_protocol::call::DEADLINE_DEFAULT;
/// How long it may take without a request in flight: half a request head doesn't hold it up, and
/// the rest of a response has time to be read.
const LINGER: Duration = Duration::from_secs(2);
/// Requests at once on one HTTP/2 connection: above the 100 that RFC 9113 recommends as the least,
/// and few beside `requests_max`, so that no one connection takes all places.
const STREAMS_MAX: u32 = 128;
/// How many times an idle period is looked at before it counts.
const LAPS: u32 = 4;

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
    let limits = service.live().borrow().limits.clone();
    let activity = Arc::new(Activity::default());
    let answer = service_fn(|request| {
        let (service, activity) = (service.clone(), activity.clone());
        async move {
            let _busy = activity.begin();
            Ok::<_, Infallible>(service.respond(request, peer).await)
        }
    });
    let builder = builder(&limits);
    let on_write = {
        let activity = activity.clone();
        move || activity.wrote()
    };
    let stream = TokioIo::new(Watched::new(stream, on_write));
    let mut connection = pin!(builder.serve_connection(stream, answer));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = activity.idle(limits.idle_timeout) => None,
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
        debug!(%peer, error, "connection failed");
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        // The config bounds it far below 4 GiB.
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    builder
}

/// What a connection is doing.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
    /// How often bytes were written: a reader may be slow, and a response then takes long.
    writes: AtomicU64,
}

/// A request in flight.
struct Busy<'a>(&'a Activity);

impl Activity {
    fn begin(&self) -> Busy<'_> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }

    fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when nothing happened for `timeout`.
    async fn idle(&self, timeout: Duration) {
        let mut seen = (0, 0, 0);
        let mut laps = 0;
        while laps < LAPS {
            tokio::time::sleep(timeout / LAPS).await;
            let now = (
                self.begun.load(Ordering::Relaxed),
                self.ended.load(Ordering::Relaxed),
                self.writes.load(Ordering::Relaxed),
            );
            let quiet = now == seen && now.0 == now.1;
            laps = if quiet { laps + 1 } else { 0 };
            seen = now;
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_request_in_flight_is_not_idle() {
        let activity = Activity::default();
        let timeout = Duration::from_secs(4);
        let busy = activity.begin();
        let idle = tokio::time::timeout(Duration::from_secs(60), activity.idle(timeout));
        assert!(idle.await.is_err());
        drop(busy);
        let idle = tokio::time::timeout(Duration::from_secs(6), activity.idle(timeout));
        assert!(idle.await.is_ok());
    }
    #[tokio::test(start_paused = true)]
    async fn a_connection_is_not_idle_while_somebody_reads_however_slowly() {
        const BYTES: u32 = 60;
        let activity = Activity::default();
        let timeout = Duration::from_secs(4);
        let (near, mut far) = tokio::io::duplex(1);
        let mut near = Watched::new(near, || activity.wrote());
        let slow = async {
            for _ in 0..BYTES {
                tokio::time::sleep(timeout / 2).await;
                far.read_u8().await.unwrap();
            }
        };
        let writing = async { near.write_all(&[0; BYTES as usize]).await.unwrap() };
        tokio::select! {
            () = activity.idle(timeout) => panic!("it was idle"),
            _ = async { tokio::join!(slow, writing) } => {}
        }
        let idle = tokio::time::timeout(2 * timeout, activity.idle(timeout));
        assert!(idle.await.is_ok());
    }
}
