//! The part `outgoing` of the provider's config, and the limits it sets.
//!
//! ```toml
//! [provider.web]
//! kind = "http"
//! config = { outgoing = { ca = "/etc/tls/internal.pem", connect_timeout_ms = 2000 } }
//! ```
//!
//! | field | default | what it is |
//! |---|---|---|
//! | `ca` | none | a PEM file of authorities that are trusted beside those of the system |
//! | `connect_timeout_ms` | 5,000 | the time for a place, the name, the connection and TLS |
//! | `first_byte_timeout_ms` | 30,000 | silence until a response begins, and of a server that takes no more of a request |
//! | `between_bytes_timeout_ms` | 30,000 | silence within a response |
//! | `idle_timeout_ms` | 30,000 | how long a connection is kept for the next request |
//! | `idle_max` | 256 | connections that are kept: past it the oldest is closed |
//! | `requests_max` | 500 | requests under way, until their bodies have ended: more are refused |
//! | `requests_per_host_max` | 100 | those to one host: more wait, no longer than `connect_timeout_ms` |
//! | `header_bytes_max` | 32,768 | a response's head |

use std::path::PathBuf;
use std::time::Duration;

use lattice_protocol::standard::http::{HEADERS_BYTES_MAX, Patience};
use serde::Deserialize;

use crate::config::{millis, within};
use crate::error::Error;

/// An hour, the longest that a call can take: beyond it a limit on time is none.
const TIMEOUT_LIMIT_MS: u64 = 60 * 60 * 1000;
/// What a provider runs at once: more would wait, and never be refused here.
const REQUESTS_LIMIT: u64 = provider_sdk::RUNNING_MAX as u64;
/// More connections than are worth keeping: each is one of a request that is over.
const IDLE_LIMIT: u64 = REQUESTS_LIMIT;
/// One host may have them all.
const PER_HOST_LIMIT: u64 = REQUESTS_LIMIT;
/// What hyper's buffer needs at least.
const HEADER_BYTES_MIN: u64 = 8 * 1024;

/// What requests that leave are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(super) ca: Option<PathBuf>,
    pub(super) idle_timeout: Duration,
    pub(super) idle_max: usize,
    pub(super) requests_max: usize,
    pub(super) requests_per_host_max: usize,
    pub(super) header_bytes_max: usize,
    pub(super) waits: Waits,
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) between_bytes: Duration,
}

/// The part as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Written {
    ca: Option<PathBuf>,
    connect_timeout_ms: u64,
    first_byte_timeout_ms: u64,
    between_bytes_timeout_ms: u64,
    idle_timeout_ms: u64,
    idle_max: u64,
    requests_max: u64,
    requests_per_host_max: u64,
    header_bytes_max: u64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            ca: None,
            // A server that is there answers within a round trip or three.
            connect_timeout_ms: 5_000,
            first_byte_timeout_ms: 30_000,
            between_bytes_timeout_ms: 30_000,
            // Less than the minute after which servers and the networks between forget a connection.
            idle_timeout_ms: 30_000,
            idle_max: 256,
            // A few less than are run at once, so that it is this bound that is felt.
            requests_max: 500,
            // What servers take at least on one HTTP/2 connection (RFC 9113, 6.5.2).
            requests_per_host_max: 100,
            header_bytes_max: 32 * 1024,
        }
    }
}

impl Written {
    /// Checks what is written.
    pub(crate) fn limits(&self) -> Result<Limits, Error> {
        let time = |field, value| millis(field, value, TIMEOUT_LIMIT_MS);
        let count = |field, value, max| within(field, value, 1, max).map(|value| value as usize);
        if let Some(path) = self.ca.as_ref().filter(|path| !path.is_absolute()) {
            return Err(Error::RelativePath {
                field: "outgoing.ca",
                path: path.clone(),
            });
        }
        let header_bytes_max = within(
            "outgoing.header_bytes_max",
            self.header_bytes_max,
            HEADER_BYTES_MIN,
            HEADERS_BYTES_MAX as u64,
        )?;
        let waits = Waits {
            connect: time("outgoing.connect_timeout_ms", self.connect_timeout_ms)?,
            first_byte: time("outgoing.first_byte_timeout_ms", self.first_byte_timeout_ms)?,
            between_bytes: time(
                "outgoing.between_bytes_timeout_ms",
                self.between_bytes_timeout_ms,
            )?,
        };
        let per_host = self.requests_per_host_max;
        Ok(Limits {
            ca: self.ca.clone(),
            idle_timeout: time("outgoing.idle_timeout_ms", self.idle_timeout_ms)?,
            idle_max: within("outgoing.idle_max", self.idle_max, 0, IDLE_LIMIT)? as usize,
            requests_max: count("outgoing.requests_max", self.requests_max, REQUESTS_LIMIT)?,
            requests_per_host_max: count(
                "outgoing.requests_per_host_max",
                per_host,
                PER_HOST_LIMIT,
            )?,
            header_bytes_max: header_bytes_max as usize,
            waits,
        })
    }
}

impl Waits {
    /// The same, or less where the actor itself has less patience.
    pub(super) fn lowered(self, wanted: Option<Patience>) -> Self {
        let wanted = wanted.unwrap_or_default();
        let least = |own: Duration, ms: Option<u64>| match ms {
            Some(ms) => own.min(Duration::from_millis(ms)),
            None => own,
        };
        Self {
            connect: least(self.connect, wanted.connect_ms),
            first_byte: least(self.first_byte, wanted.first_byte_ms),
            between_bytes: least(self.between_bytes, wanted.between_bytes_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<Limits, String> {
        let written: Written = serde_json::from_value(json).map_err(|error| error.to_string())?;
        written.limits().map_err(|error| error.to_string())
    }

    #[test]
    fn every_default_is_within_its_bounds() {
        read(serde_json::json!({})).unwrap();
    }

    #[test]
    fn what_is_out_of_range_or_unknown_is_refused_by_name() {
        for (json, wanted) in [
            (
                serde_json::json!({"connect_timeout_ms": 0}),
                "outgoing.connect_timeout_ms = 0",
            ),
            (
                serde_json::json!({"requests_max": 0}),
                "outgoing.requests_max = 0",
            ),
            (serde_json::json!({"header_bytes_max": 100}), "use 8192 to"),
            (serde_json::json!({"ca": "ca.pem"}), "outgoing.ca"),
            (serde_json::json!({"insecure": true}), "insecure"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn an_actor_can_only_have_less_patience() {
        let own = Written::default().limits().unwrap().waits;
        let lowered = own.lowered(Some(Patience {
            connect_ms: Some(7),
            first_byte_ms: Some(u64::MAX),
            between_bytes_ms: None,
        }));
        assert_eq!(lowered.connect, Duration::from_millis(7));
        assert_eq!(lowered.first_byte, own.first_byte);
        assert_eq!(lowered.between_bytes, own.between_bytes);
    }
}
