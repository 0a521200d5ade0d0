//! Why settings are refused.

use std::path::PathBuf;

use lattice_protocol::id::ActorName;

use crate::tls;

/// Why the provider can't work with its settings; each says what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config doesn't have the right shape.
    #[error("failed to read the config: {0}")]
    Config(String),
    /// A number is too small or too large.
    #[error("{field} = {value} is out of range: use {min} to {max}")]
    OutOfRange {
        /// Which number.
        field: &'static str,
        /// What was written.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A trusted proxy is no network.
    #[error("trusted_proxies has {network:?}: {reason}")]
    Proxy {
        /// What was written.
        network: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// A relative path would mean another file for each way to start the provider.
    #[error(
        "{field} = {path:?} is no whole path: write it from the root on, as it is on the hosts that \
         run this provider"
    )]
    RelativePath {
        /// Which path.
        field: &'static str,
        /// What was written.
        path: PathBuf,
    },
    /// The certificate can't be used.
    #[error("failed to load the certificate: {0}")]
    Certificate(String),
    /// A route's path can't match anything.
    #[error("the route to {actor} has the path {path:?}: {rule}")]
    RoutePath {
        /// Where the route leads.
        actor: ActorName,
        /// What was written.
        path: String,
        /// What a path looks like.
        rule: &'static str,
    },
    /// A route's host can't match anything.
    #[error("the route to {actor} has the host {host:?}: use a bare name such as example.com")]
    RouteHost {
        /// Where the route leads.
        actor: ActorName,
        /// What was written.
        host: String,
    },
    /// Two routes claim the same requests.
    #[error("two routes have the path {path:?} {host}, to {first} and to {second}: keep one")]
    RouteTwice {
        /// Their path.
        path: String,
        /// Their host, in words.
        host: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// The address can't be listened on.
    #[error("failed to listen on {listen}: {reason}")]
    Listen {
        /// The address.
        listen: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl From<tls::Fault> for Error {
    fn from(fault: tls::Fault) -> Self {
        Self::Certificate(fault.to_string())
    }
}
