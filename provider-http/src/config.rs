//! The provider's config, as `[provider.web]` spells it in a manifest, and the limits it sets.
//!
//! ```toml
//! [provider.web]
//! kind = "http"
//! config = { listen = "0.0.0.0:443", tls = { cert = "/etc/tls/web.pem", key = "/etc/tls/web.key" } }
//! ```
//!
//! Every field may be left out. All of them can be changed while the provider runs; connections
//! that are open already keep the limits on time, heads and streams that they began with.
//!
//! | field | default | what it is |
//! |---|---|---|
//! | `listen` | `127.0.0.1:8080` | where to listen; port 0 picks a free one |
//! | `tls` | none | the certificate's chain and its key, as PEM files |
//! | `timeout_ms` | 10,000 | the deadline of the call to the actor |
//! | `body_bytes_max` | 16 GiB | a request's body: more is 413 |
//! | `held_bytes_max` | 256 MiB | what is held of the bodies of all requests at once: past it 503 |
//! | `body_timeout_ms` | 30,000 | the time a short body may take, the silence within a longer one: 408 |
//! | `header_bytes_max` | 32,768 | a request's line and headers: more is 431 |
//! | `header_timeout_ms` | 10,000 | a TLS handshake, and a request's head from its first byte on |
//! | `idle_timeout_ms` | 30,000 | a connection without a request, and a client that doesn't read on |
//! | `connections_max` | 10,000 | open connections: more wait unaccepted |
//! | `streams_max` | 128 | requests at once on one HTTP/2 connection |
//! | `requests_max` | 10,000 | requests in flight: more are 503 |
//! | `trusted_proxies` | none | networks whose word on where a request came from is believed |
//! | `proxy_header` | `x-forwarded` | which headers they write: those, or `forwarded` |
//! | `access_log` | false | a log line for each request |
//! | `outgoing` | | what the requests of actors are held to: see `outgoing/config.rs` |

use std::time::Duration;

use lattice_protocol::call::{DEADLINE_DEFAULT, DEADLINE_MAX};
use lattice_protocol::standard::http::HEADERS_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::forwarded::{ProxyHeader, Trust};
use crate::{network, outgoing, tls};

/// Where to listen unless the config says otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8080";
/// The least room for a request head: what hyper's buffer needs, and below it browsers fail.
const HEADER_BYTES_MIN: u64 = 8 * 1024;
/// The most room for a request head: the call that carries it allows 64 KiB and the headers that
/// this provider adds need a place too.
const HEADER_BYTES_LIMIT: u64 = HEADERS_BYTES_MAX as u64 - 4 * 1024;
/// More connections, or requests, than one process can hold the state of.
const CONNECTIONS_LIMIT: u64 = 1_000_000;
/// More requests on one connection than are worth one connection.
const STREAMS_LIMIT: u64 = 1000;
/// A day: beyond it a limit on time is none.
const TIMEOUT_LIMIT_MS: u64 = 24 * 60 * 60 * 1000;
/// The largest body unless the config says otherwise: it passes through and costs no memory, but
/// nothing should go on for ever by mistake.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// A pebibyte: beyond it a limit on bytes is none.
const BODY_BYTES_LIMIT: u64 = 1 << 50;
/// What is held of bodies unless the config says otherwise: four thousand that are under way. A call
/// holds a short body twice for a moment, as it came and inside its message.
const HELD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The least of it: a few bodies at once.
const HELD_BYTES_MIN: u64 = 1024 * 1024;
/// More networks than a proxy's operator lists; each request is compared with all.
const PROXIES_MAX: u64 = 64;

/// A config that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen, as it was written.
    pub(crate) listen: String,
    /// The files of the certificate; none for connections without TLS.
    pub(crate) tls: Option<tls::Files>,
    /// What every request is held to.
    pub(crate) limits: Limits,
    /// Whose word on where a request came from is believed.
    pub(crate) trust: Trust,
    /// Whether each request is a line in the log.
    pub(crate) access_log: bool,
    /// What requests that leave are held to.
    pub(crate) outgoing: outgoing::Limits,
}

/// What every request and connection is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) body_bytes_max: u64,
    pub(crate) held_bytes_max: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) header_bytes_max: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) connections_max: usize,
    pub(crate) streams_max: u32,
    pub(crate) requests_max: usize,
}

/// The config as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    listen: String,
    tls: Option<tls::Files>,
    timeout_ms: u64,
    body_bytes_max: u64,
    held_bytes_max: u64,
    body_timeout_ms: u64,
    header_bytes_max: u64,
    header_timeout_ms: u64,
    idle_timeout_ms: u64,
    connections_max: u64,
    streams_max: u64,
    requests_max: u64,
    trusted_proxies: Vec<String>,
    proxy_header: ProxyHeader,
    access_log: bool,
    outgoing: outgoing::Written,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            listen: LISTEN_DEFAULT.to_owned(),
            tls: None,
            timeout_ms: DEADLINE_DEFAULT.as_millis() as u64,
            body_bytes_max: BODY_BYTES_MAX,
            held_bytes_max: HELD_BYTES_MAX,
            body_timeout_ms: 30_000,
            header_bytes_max: 32 * 1024,
            header_timeout_ms: 10_000,
            idle_timeout_ms: 30_000,
            connections_max: 10_000,
            // Above the 100 that RFC 9113 recommends as the least, and few beside `requests_max`,
            // so that no one connection takes all places.
            streams_max: 128,
            requests_max: 10_000,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            access_log: false,
            outgoing: outgoing::Written::default(),
        }
    }
}

impl Config {
    /// Reads and checks a config.
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Self, Error> {
        let written: Written = serde_json::from_value(Value::Object(config.clone()))
            .map_err(|error| Error::Config(error.to_string()))?;
        let limits = written.limits()?;
        let trust = written.trust()?;
        if let Some(files) = &written.tls {
            files.check()?;
        }
        Ok(Self {
            listen: written.listen,
            tls: written.tls,
            limits,
            trust,
            access_log: written.access_log,
            outgoing: written.outgoing.limits()?,
        })
    }
}

impl Written {
    fn limits(&self) -> Result<Limits, Error> {
        let deadline_max = DEADLINE_MAX.as_millis() as u64;
        let header_bytes_max = within(
            "header_bytes_max",
            self.header_bytes_max,
            HEADER_BYTES_MIN,
            HEADER_BYTES_LIMIT,
        )?;
        let held_bytes_max = within(
            "held_bytes_max",
            self.held_bytes_max,
            HELD_BYTES_MIN,
            BODY_BYTES_LIMIT,
        )?;
        Ok(Limits {
            timeout: millis("timeout_ms", self.timeout_ms, deadline_max)?,
            body_bytes_max: within("body_bytes_max", self.body_bytes_max, 0, BODY_BYTES_LIMIT)?,
            held_bytes_max: held_bytes_max as usize,
            body_timeout: millis("body_timeout_ms", self.body_timeout_ms, TIMEOUT_LIMIT_MS)?,
            header_bytes_max: header_bytes_max as usize,
            header_timeout: millis(
                "header_timeout_ms",
                self.header_timeout_ms,
                TIMEOUT_LIMIT_MS,
            )?,
            idle_timeout: millis("idle_timeout_ms", self.idle_timeout_ms, TIMEOUT_LIMIT_MS)?,
            connections_max: count("connections_max", self.connections_max)?,
            streams_max: within("streams_max", self.streams_max, 1, STREAMS_LIMIT)? as u32,
            requests_max: count("requests_max", self.requests_max)?,
        })
    }

    fn trust(&self) -> Result<Trust, Error> {
        let count = self.trusted_proxies.len() as u64;
        within("the number of trusted_proxies", count, 0, PROXIES_MAX)?;
        let proxies = self.trusted_proxies.iter().map(|text| {
            text.parse().map_err(|reason: network::Error| Error::Proxy {
                network: text.clone(),
                reason: reason.to_string(),
            })
        });
        Ok(Trust {
            proxies: proxies.collect::<Result<_, _>>()?,
            header: self.proxy_header,
        })
    }
}

pub(crate) fn millis(field: &'static str, value: u64, max: u64) -> Result<Duration, Error> {
    within(field, value, 1, max).map(Duration::from_millis)
}

fn count(field: &'static str, value: u64) -> Result<usize, Error> {
    within(field, value, 1, CONNECTIONS_LIMIT).map(|value| value as usize)
}

pub(crate) fn within(field: &'static str, value: u64, min: u64, max: u64) -> Result<u64, Error> {
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
#[path = "config_test.rs"]
mod tests;
