//! The accept loop: takes connections while there is room, and ends them in order.
//!
//! At `connections_max` nothing more is accepted: further clients wait in the kernel's queue, and
//! past that their connection attempts do. That is backpressure without a queue of ours.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
#[cfg(target_os = "linux")]
use tracing::debug;
use tracing::{error, info, warn};

use crate::backend::Backend;
use crate::connection;
use crate::error::Error;
use crate::live::Live;
use crate::service::Service;

/// What the kernel may hold of a response that is not on the wire: enough to keep a fast network busy.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
/// How long to wait after a failure to accept that is not the client's (no file descriptors, no
/// memory): connections that end meanwhile make room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that is listened on, until told to stop or dropped.
#[must_use = "a listener runs until it is stopped or dropped"]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: CancellationToken,
    closed: CancellationToken,
}

impl Listener {
    /// Accepts connections from `socket` until told to stop, on a task of `tasks`; `kill` ends
    /// all of it at once.
    pub(crate) fn start<B: Backend>(
        socket: TcpListener,
        address: SocketAddr,
        service: Arc<Service<B>>,
        tasks: &TaskTracker,
        kill: CancellationToken,
    ) -> Self {
        let (stop, closed) = (CancellationToken::new(), CancellationToken::new());
        let accept = Accept {
            live: service.live(),
            service,
            stop: stop.clone(),
            connections: JoinSet::new(),
        };
        let accepting = accept.run(socket, closed.clone());
        tasks.spawn(kill.run_until_cancelled_owned(accepting));
        info!(listen = %address, "listening");
        Self {
            address,
            stop,
            closed,
        }
    }

    /// The address with the port that was really taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether its socket was closed.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Closes the socket and lets open connections finish; returns when the port is free.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.closed.cancelled().await;
    }
}

/// Also when a change of settings is broken off while it holds the listener: nobody could stop it
/// any more.
impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Takes an address, or says why not and what to do.
pub(crate) async fn bind(listen: &str) -> Result<(TcpListener, SocketAddr), Error> {
    let refused = |error: std::io::Error| Error::Listen {
        listen: listen.to_owned(),
        reason: reason(&error),
    };
    let socket = TcpListener::bind(listen).await.map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    Ok((socket, address))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => {
            "address already in use; stop what listens there or set listen".to_owned()
        }
        ErrorKind::PermissionDenied => {
            "permission denied; run with the right to take ports below 1024, or set listen to a \
             higher one"
                .to_owned()
        }
        ErrorKind::AddrNotAvailable => {
            "this machine doesn't have that address; set listen to one it has, or to 0.0.0.0 for \
             all"
            .to_owned()
        }
        ErrorKind::InvalidInput => {
            "not an address; set listen to host:port, such as 127.0.0.1:8080".to_owned()
        }
        _ => format!("{error}; set listen to host:port, such as 127.0.0.1:8080"),
    }
}

struct Accept<B> {
    service: Arc<Service<B>>,
    live: watch::Receiver<Arc<Live>>,
    stop: CancellationToken,
    connections: JoinSet<()>,
}

impl<B: Backend> Accept<B> {
    async fn run(mut self, socket: TcpListener, closed: CancellationToken) {
        // Said even if this task is ended in the middle: somebody may wait for it.
        let closed = closed.drop_guard();
        let mut full = false;
        loop {
            let max = self.live.borrow_and_update().limits.connections_max;
            let room = self.connections.len() < max;
            if full == room {
                full = !room;
                if full {
                    warn!(
                        connections_max = max,
                        "no room for more connections: the rest wait"
                    );
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(ended) = self.connections.join_next() => report(ended),
                accepted = socket.accept(), if room => self.accepted(accepted).await,
                // An error means that the server is gone, which ends this task too.
                Ok(()) = self.live.changed() => {}
            }
        }
        drop(socket);
        drop(closed);
        // Each connection saw `stop` too and is bounded by its own drain.
        while let Some(ended) = self.connections.join_next().await {
            report(ended);
        }
    }

    async fn accepted(&mut self, accepted: std::io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, peer)) => {
                let (service, stop) = (self.service.clone(), self.stop.clone());
                hold_little(&stream);
                self.connections
                    .spawn(connection::serve(stream, peer.ip(), service, stop));
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                tokio::select! {
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                    () = self.stop.cancelled() => {}
                }
            }
        }
    }
}

/// Lets the kernel hold little of what the client has not taken: else a slow client is seen to take
/// megabytes at once and then nothing for a long time.
fn hold_little(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX) {
        debug!(%error, "the kernel holds as much as it likes");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, UNSENT_BYTES_MAX);
}

/// A client that went away between its attempt and our accepting it.
fn is_of_the_client(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection's task failed");
    }
}
