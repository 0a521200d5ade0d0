//! Why settings are refused.

use lattice_protocol::id::ActorName;

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
    /// A body of that size doesn't fit into a message.
    #[error(
        "body_bytes_max = {wanted} doesn't fit: one message of this NATS server carries a body of \
         {fitting} bytes; raise max_payload of the server, or use at most that"
    )]
    BodyTooLarge {
        /// What was written.
        wanted: u64,
        /// What fits.
        fitting: usize,
    },
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
