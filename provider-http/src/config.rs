//! The provider's config, as `[provider.web]` spells it in a manifest, and the limits it sets.
//!
//! ```toml
//! [provider.web]
//! kind = "http"
//! config = { listen = "127.0.0.1:8080", timeout_ms = 10_000 }
//! ```
//!
//! Every field may be left out. All of them can be changed while the provider runs; connections
//! that are open already keep the `header_bytes_max` and `idle_timeout_ms` they began with.
//!
//! | field | default | what it bounds |
//! |---|---|---|
//! | `listen` | `127.0.0.1:8080` | where to listen; port 0 picks a free one |
//! | `timeout_ms` | 10,000 | the deadline of the call to the actor |
//! | `body_bytes_max` | what fits into one NATS message | a request's body: more is 413 |
//! | `body_timeout_ms` | 30,000 | the time a request's body may take: longer is 408 |
//! | `header_bytes_max` | 32,768 | a request's line and headers: more is 431 |
//! | `idle_timeout_ms` | 30,000 | a connection without a whole request head: then it is closed |
//! | `connections_max` | 10,000 | open connections: more wait unaccepted |
//! | `requests_max` | 10,000 | requests in flight: more are 503 |
//! | `trust_forwarded` | false | whether `forwarded` and `x-forwarded-*` of clients are believed |

use std::time::Duration;

use lattice_protocol::call::{DEADLINE_DEFAULT, DEADLINE_MAX};
use lattice_protocol::standard::http::HEADERS_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Error;

/// Where to listen unless the config says otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// What a message needs besides the body: headers, path and the names around them.
const ENVELOPE_BYTES_MAX: usize = HEADERS_BYTES_MAX + 32 * 1024;
/// The least room for a request head: what hyper's buffer needs, and below it browsers fail.
const HEADER_BYTES_MIN: u64 = 8 * 1024;
/// The most room for a request head: the call that carries it allows 64 KiB and the headers that
/// this provider adds need a place too.
const HEADER_BYTES_LIMIT: u64 = HEADERS_BYTES_MAX as u64 - 4 * 1024;
/// More connections, or requests, than one process can hold the state of.
const CONNECTIONS_LIMIT: u64 = 1_000_000;
/// A day: beyond it a limit on time is none.
const TIMEOUT_LIMIT_MS: u64 = 24 * 60 * 60 * 1000;

/// A config that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen, as it was written.
    pub(crate) listen: String,
    /// What every request is held to.
    pub(crate) limits: Limits,
}

/// What every request and connection is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) body_bytes_max: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) header_bytes_max: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) connections_max: usize,
    pub(crate) requests_max: usize,
    pub(crate) trust_forwarded: bool,
}

/// The config as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    listen: String,
    timeout_ms: u64,
    body_bytes_max: Option<u64>,
    body_timeout_ms: u64,
    header_bytes_max: u64,
    idle_timeout_ms: u64,
    connections_max: u64,
    requests_max: u64,
    trust_forwarded: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT.to_owned(),
            timeout_ms: DEADLINE_DEFAULT.as_millis() as u64,
            body_bytes_max: None,
            body_timeout_ms: 30_000,
            header_bytes_max: 32 * 1024,
            idle_timeout_ms: 30_000,
            connections_max: 10_000,
            requests_max: 10_000,
            trust_forwarded: false,
        }
    }
}

impl Config {
    /// Reads and checks a config; `max_payload` is what one NATS message may carry.
    pub(crate) fn read(config: &Map<String, Value>, max_payload: usize) -> Result<Self, Error> {
        let written: Written = serde_json::from_value(Value::Object(config.clone()))
            .map_err(|error| Error::Config(error.to_string()))?;
        let limits = written.limits(max_payload)?;
        Ok(Self {
            listen: written.listen,
            limits,
        })
    }
}

impl Written {
    fn limits(&self, max_payload: usize) -> Result<Limits, Error> {
        let deadline_max = DEADLINE_MAX.as_millis() as u64;
        Ok(Limits {
            timeout: millis("timeout_ms", self.timeout_ms, deadline_max)?,
            body_bytes_max: self.body_bytes_max(body_bytes_fitting(max_payload))?,
            body_timeout: millis("body_timeout_ms", self.body_timeout_ms, TIMEOUT_LIMIT_MS)?,
            header_bytes_max: within(
                "header_bytes_max",
                self.header_bytes_max,
                HEADER_BYTES_MIN,
                HEADER_BYTES_LIMIT,
            )? as usize,
            idle_timeout: millis("idle_timeout_ms", self.idle_timeout_ms, TIMEOUT_LIMIT_MS)?,
            connections_max: count("connections_max", self.connections_max)?,
            requests_max: count("requests_max", self.requests_max)?,
            trust_forwarded: self.trust_forwarded,
        })
    }

    fn body_bytes_max(&self, fitting: usize) -> Result<usize, Error> {
        match self.body_bytes_max {
            None => Ok(fitting),
            Some(wanted) if wanted <= fitting as u64 => Ok(wanted as usize),
            Some(wanted) => Err(Error::BodyTooLarge { wanted, fitting }),
        }
    }
}

/// How large a body may be so that its call is one NATS message.
fn body_bytes_fitting(max_payload: usize) -> usize {
    // On a server with a small limit most requests still have small heads; one that hasn't is
    // answered 413 when its call turns out too large.
    max_payload
        .saturating_sub(ENVELOPE_BYTES_MAX)
        .max(max_payload / 2)
}

fn millis(field: &'static str, value: u64, max: u64) -> Result<Duration, Error> {
    within(field, value, 1, max).map(Duration::from_millis)
}

fn count(field: &'static str, value: u64) -> Result<usize, Error> {
    within(field, value, 1, CONNECTIONS_LIMIT).map(|value| value as usize)
}

fn within(field: &'static str, value: u64, min: u64, max: u64) -> Result<u64, Error> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(Error::OutOfRange {
            field,
            value,
            min,
            max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn read(json: &str) -> Result<Config, String> {
        Config::read(&serde_json::from_str(json).unwrap(), MIB).map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_config_has_the_documented_defaults() {
        let config = read("{}").unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080");
        assert_eq!(config.limits.timeout, Duration::from_secs(10));
        assert_eq!(config.limits.connections_max, 10_000);
        assert_eq!(config.limits.body_bytes_max, MIB - ENVELOPE_BYTES_MAX);
    }

    #[test]
    fn a_misspelt_field_is_refused_by_name() {
        let error = read(r#"{"lsten":"x"}"#).unwrap_err();
        assert!(error.contains("unknown field `lsten`"), "{error}");
        assert!(error.contains("`listen`"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_says_the_range() {
        for (json, field) in [
            (r#"{"timeout_ms":0}"#, "timeout_ms = 0"),
            (r#"{"timeout_ms":3600001}"#, "use 1 to 3600000"),
            (r#"{"header_bytes_max":100}"#, "use 8192 to 61440"),
            (r#"{"connections_max":0}"#, "connections_max = 0"),
            (r#"{"requests_max":0}"#, "requests_max = 0"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let error = read(r#"{"timeout_ms":"soon"}"#).unwrap_err();
        assert!(error.contains("expected u64"), "{error}");
    }

    #[test]
    fn a_body_limit_over_what_nats_carries_says_what_fits() {
        let error = read(r#"{"body_bytes_max":2000000}"#).unwrap_err();
        assert!(
            error.contains(&(MIB - ENVELOPE_BYTES_MAX).to_string()),
            "{error}"
        );
        assert!(error.contains("max_payload"), "{error}");
    }

    #[test]
    fn a_small_nats_limit_leaves_room_for_the_head() {
        assert_eq!(body_bytes_fitting(64 * 1024), 32 * 1024);
    }
}
