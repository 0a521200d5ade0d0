//! The access log: a line for each request that came in whole, when its response ended.
//!
//! Lines have the target `access` and the level `info`, and all they say is in fields:
//!
//! | field | |
//! |---|---|
//! | `method`, `host`, `path` | what was asked; without the query, which may hold secrets |
//! | `version` | `HTTP/1.1`, `HTTP/2.0` |
//! | `status` | absent when the client went away before there was one |
//! | `bytes` | of the response's body, as far as the client's connection took them |
//! | `ms` | from the request's head to the end of the response |
//! | `actor` | absent when no route led to one |
//! | `way` | which way the call to it went: `local`, `peer` or `queue`; absent when there was none |
//! | `request_id` | the response's `x-request-id` |
//! | `peer`, `client` | the other end of the connection; who the trusted proxies say it was for |
//! | `end` | `complete`; `broken` when the response broke off; `gone` when its client did |

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderValue, Method, Version};
use lattice_protocol::id::TargetName;
use lattice_telemetry::Way;
use tokio::time::Instant;
use tracing::info;

/// The target of every line.
pub(crate) const TARGET: &str = "access";

/// A line to be; it is written when it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    begun: Instant,
    method: Method,
    path: String,
    version: Version,
    peer: IpAddr,
    request_id: String,
    pub(crate) host: Option<String>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) actor: Option<TargetName>,
    pub(crate) way: Option<Way>,
    pub(crate) status: Option<u16>,
    pub(crate) bytes: u64,
    pub(crate) end: End,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Broken,
    Gone,
}

impl Entry {
    /// The line of a request that came now.
    pub(crate) fn new(parts: &Parts, peer: IpAddr, request_id: &HeaderValue) -> Self {
        Self {
            begun: Instant::now(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            version: parts.version,
            peer: peer.to_canonical(),
            request_id: String::from_utf8_lossy(request_id.as_bytes()).into_owned(),
            host: None,
            client: None,
            actor: None,
            way: None,
            status: None,
            bytes: 0,
            end: End::Gone,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let ms = self.begun.elapsed().as_micros() as f64 / 1000.0;
        info!(
            target: TARGET,
            method = self.method.as_str(),
            host = self.host.as_deref(),
            path = self.path.as_str(),
            version = ?self.version,
            status = self.status,
            bytes = self.bytes,
            ms,
            actor = self.actor.as_ref().map(TargetName::as_str),
            way = self.way.map(Way::as_str),
            request_id = self.request_id.as_str(),
            peer = %self.peer,
            client = self.client.map(tracing::field::display),
            end = match self.end {
                End::Complete => "complete",
                End::Broken => "broken",
                End::Gone => "gone",
            },
        );
    }
}

#[cfg(test)]
#[path = "access_test.rs"]
mod tests;
