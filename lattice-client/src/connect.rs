//! Connecting to NATS, and the handle that everything else hangs on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State as ConnectionState;
use async_nats::{ConnectOptions, Event};
use lattice_protocol::id::{CallId, LatticeId};
use lattice_protocol::report::Connection;
use lattice_protocol::subject;
use tracing::{debug, info, warn};

use crate::cancel::Cancels;
use crate::mux::Mux;
use crate::replicas::{Raising, Replicas};
use crate::stream::{Budget, GATHERED_BYTES_DEFAULT};

/// How long the first connection may take: a person waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the server is asked whether it is still there: a dead link is found within two.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause between attempts to reconnect.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(2);
/// How long a round trip to the server may take before nobody waits for it any more.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
/// How many messages may wait for one subscriber: whoever subscribes must move them on at once,
/// so this only covers a stall of the scheduler.
const SUBSCRIPTION_CAPACITY: usize = 8192;

/// Where a lattice is and who connects.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's address, or several with commas between them.
    pub nats: String,
    /// A NATS credentials file.
    pub creds: Option<PathBuf>,
    /// The lattice.
    pub lattice: LatticeId,
    /// What the server's listings call this connection.
    pub name: String,
}

impl Options {
    /// Addresses as they may be shown: without the user, password or token in them.
    pub fn shown(nats: &str) -> String {
        let parts: Vec<_> = nats.split(',').map(without_secret).collect();
        parts.join(",")
    }
}

fn without_secret(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    // The last one: a password may have them too, if it was not encoded as it should be.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    scheme + host
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials file can't be read.
    #[error("failed to read the credentials in {path}: {source}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The address is not one.
    #[error("{0:?} is not the address of a NATS server: write it like nats://127.0.0.1:4222")]
    Address(String),
    /// No server, or it refused.
    #[error(
        "failed to connect to NATS at {url}: {reason}; start a server there or name another with \
         --nats or LATTICE_NATS"
    )]
    Unreachable {
        /// The server.
        url: String,
        /// What the client library says.
        reason: String,
    },
    /// The replies' inbox could not be opened.
    #[error("failed to subscribe to this process's inbox: {0}")]
    Inbox(String),
}

/// A connection to a lattice; clones share it.
#[derive(Clone)]
pub struct Client {
    pub(crate) nats: async_nats::Client,
    pub(crate) lattice: LatticeId,
    pub(crate) mux: Arc<Mux>,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) gathered: Budget,
    /// What the inboxes of this lattice's processes begin with.
    pub(crate) inbox_root: Arc<str>,
    pub(crate) replicas: Replicas,
    pub(crate) raising: Arc<Raising>,
    pub(crate) by: Option<Arc<str>>,
    /// Whether the stream of the audit trail was there a moment ago.
    pub(crate) has_audit: Arc<AtomicBool>,
}

impl Client {
    /// Connects, and reconnects for as long as the client lives.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let inbox_root = subject::inbox_root(&options.lattice).into();
        let inbox = subject::inbox_prefix(&options.lattice, &CallId::new().to_string());
        let nats = connect_options(&options, &inbox)
            .await?
            .connect(addresses(&options.nats)?)
            .await
            .map_err(|error| ConnectError::Unreachable {
                url: Options::shown(&options.nats),
                reason: error.to_string(),
            })?;
        let mux = Mux::open(&nats, &inbox)
            .await
            .map_err(ConnectError::Inbox)?;
        Ok(Self {
            nats,
            lattice: options.lattice,
            mux,
            cancels: Arc::default(),
            gathered: Budget::of(GATHERED_BYTES_DEFAULT),
            inbox_root,
            replicas: Replicas::default(),
            raising: Arc::default(),
            by: None,
            has_audit: Arc::default(),
        })
    }

    /// What all payloads that come to it in parts may hold of memory together, in place of
    /// [`GATHERED_BYTES_DEFAULT`]. Clones that were made before are not bound by it.
    pub fn gathering(mut self, bytes_max: usize) -> Self {
        self.gathered = Budget::of(bytes_max);
        self
    }

    /// The lattice.
    pub fn lattice(&self) -> &LatticeId {
        &self.lattice
    }

    /// Whether the server can be reached now.
    pub fn is_connected(&self) -> bool {
        self.nats.connection_state() == ConnectionState::Connected
    }

    /// This connection as its server knows it; another one after each reconnect.
    pub fn connection(&self) -> Option<Connection> {
        let info = self.nats.server_info();
        Some(Connection {
            server: info.server_id.parse().ok()?,
            client: info.client_id,
        })
    }

    /// How often the connection was made anew.
    pub fn reconnects(&self) -> u64 {
        let connects = self.nats.statistics().connects.load(Ordering::Relaxed);
        connects.saturating_sub(1)
    }

    /// The largest message the server takes, headers included.
    pub fn max_payload(&self) -> usize {
        self.nats.max_payload()
    }

    /// JetStream on this connection, for a provider that keeps its data there.
    pub fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(self.nats.clone())
    }

    /// Returns once the server has taken everything this process sent before, subscriptions
    /// included: the server handles a connection in order, and this asks it for an answer.
    pub async fn settle(&self) {
        let Some(mut ticket) = self.mux.ticket() else {
            return;
        };
        if self
            .nats
            .publish(ticket.subject(), bytes::Bytes::new())
            .await
            .is_ok()
            && tokio::time::timeout(SETTLE_TIMEOUT, ticket.reply())
                .await
                .is_err()
        {
            debug!("the server did not answer in time");
        }
    }

    /// Waits until what was published has left this process, or for a while without a connection.
    pub async fn flush(&self) {
        // Without a connection it would wait for one: nobody who leaves has time for that.
        match tokio::time::timeout(SETTLE_TIMEOUT, self.nats.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "flush failed"),
            Err(_) => debug!("flush took too long"),
        }
    }
}

async fn connect_options(options: &Options, inbox: &str) -> Result<ConnectOptions, ConnectError> {
    let connect = ConnectOptions::new()
        .name(&options.name)
        .custom_inbox_prefix(inbox)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        // Subjects are built from checked names only.
        .skip_subject_validation(true)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(log_event);
    match &options.creds {
        None => Ok(by_address(connect, options)?),
        Some(path) => {
            connect
                .credentials_file(path)
                .await
                .map_err(|source| ConnectError::Credentials {
                    path: path.clone(),
                    source,
                })
        }
    }
}

/// The user and password, or the token, that an address carries: the client library leaves them out.
fn by_address(connect: ConnectOptions, options: &Options) -> Result<ConnectOptions, ConnectError> {
    let addresses = addresses(&options.nats)?;
    let named = addresses.iter().find(|address| address.has_user_pass());
    let Some(address) = named else {
        return Ok(connect);
    };
    let user = address.username().unwrap_or_default().to_owned();
    Ok(match address.password() {
        Some(password) => connect.user_and_password(user, password.to_owned()),
        None => connect.token(user),
    })
}

/// The first attempt is immediate; then 10 ms, doubling, up to the longest pause.
pub(crate) fn reconnect_delay(attempts: usize) -> Duration {
    match attempts {
        0 | 1 => Duration::ZERO,
        n => Duration::from_millis(10 << n.min(10)).min(RECONNECT_DELAY_MAX),
    }
}

pub(crate) fn addresses(text: &str) -> Result<Vec<async_nats::ServerAddr>, ConnectError> {
    text.split(',')
        .map(|part| part.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_| ConnectError::Address(Options::shown(text)))
}

async fn log_event(event: Event) {
    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Disconnected => warn!("lost the connection to NATS, reconnecting"),
        Event::SlowConsumer(subscription) => warn!(subscription, "messages were dropped"),
        Event::ServerError(error) => warn!(%error, "the NATS server refused something"),
        Event::ClientError(error) => warn!(%error, "the NATS client failed at something"),
        event => debug!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_is_secret_in_it() {
        for (nats, shown) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://user:pw@one:4222", "nats://one:4222"),
            ("tls://token@one,two:1", "tls://one,two:1"),
            ("user:p@ss/w@one", "one"),
            ("", ""),
        ] {
            assert_eq!(Options::shown(nats), shown);
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        let error = addresses("nats://user:pw@one:none").unwrap_err();
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}
