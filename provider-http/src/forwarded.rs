//! Where a request came from, as far as it can be proven.
//!
//! A peer outside `trusted_proxies` is the client, whatever its headers say. A peer inside is
//! believed about whom *it* was called by: the addresses that it names are walked from the nearest
//! on, and the first that is no trusted proxy is the client. What stands before that was written by
//! the client, so it is dropped: the actor may believe all of `x-forwarded-for`, and its first
//! address is the client.
//!
//! `proxy_header` says which headers the proxies write: `x-forwarded` (`X-Forwarded-For`,
//! `-Proto`, `-Host`) or `forwarded` (RFC 7239). Only those are read, because the others come
//! through such a proxy as its client wrote them.

use std::net::IpAddr;

use http::header::FORWARDED;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::network::Network;

pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
pub(crate) const FORWARDED_PROTO: &str = "x-forwarded-proto";
pub(crate) const FORWARDED_HOST: &str = "x-forwarded-host";
/// How many proxies of one request are looked at: longer ways are loops or forged.
const HOPS_MAX: usize = 16;

/// Which proxies are believed, and which of their headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    pub(crate) proxies: Vec<Network>,
    pub(crate) header: ProxyHeader,
}

/// The headers that proxies write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyHeader {
    #[default]
    XForwarded,
    Forwarded,
}

/// How a connection to us was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its other end.
    pub(crate) address: IpAddr,
    /// Whether it is encrypted.
    pub(crate) tls: bool,
}

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The client, then the proxies in the order that they were passed; never empty.
    pub(crate) way: Vec<IpAddr>,
    /// How the client spoke: `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The host that the client named, if a proxy says that it was another than ours.
    pub(crate) host: Option<String>,
}

/// What one proxy says of whom it was called by.
#[derive(Default)]
struct Said {
    by: Option<IpAddr>,
    scheme: Option<&'static str>,
    host: Option<String>,
}

impl Trust {
    /// Where a request with these headers came from.
    pub(crate) fn source(&self, headers: &HeaderMap, peer: Peer) -> Source {
        let mut source = Source {
            way: vec![peer.address.to_canonical()],
            scheme: if peer.tls { "https" } else { "http" },
            host: None,
        };
        if !self.trusts(peer.address) {
            return source;
        }
        let said = match self.header {
            ProxyHeader::XForwarded => x_forwarded(headers),
            ProxyHeader::Forwarded => forwarded(headers),
        };
        for said in said {
            source.scheme = said.scheme.unwrap_or(source.scheme);
            source.host = said.host.or(source.host);
            // One that hides or garbles who called it ends what can be proven.
            let Some(by) = said.by else { break };
            source.way.insert(0, by);
            if !self.trusts(by) {
                break;
            }
        }
        source
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(address))
    }
}

impl Source {
    /// Who sent it.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.way.first().copied()
    }

    /// The way as `x-forwarded-for` spells it.
    pub(crate) fn forwarded_for(&self) -> String {
        let all: Vec<String> = self.way.iter().map(IpAddr::to_string).collect();
        all.join(", ")
    }
}

/// `X-Forwarded-*`, the nearest proxy first. Of `-Proto` and `-Host` the last value is the nearest
/// proxy's; most set one value and no list, so they count once.
fn x_forwarded(headers: &HeaderMap) -> Vec<Said> {
    let last = |name| values(headers, name).last();
    let mut said: Vec<Said> = values(headers, FORWARDED_FOR)
        .map(|text| Said {
            by: address(text),
            ..Said::default()
        })
        .collect();
    said.reverse();
    said.truncate(HOPS_MAX);
    if said.is_empty() {
        said.push(Said::default());
    }
    if let Some(nearest) = said.first_mut() {
        nearest.scheme = last(FORWARDED_PROTO).and_then(scheme);
        nearest.host = last(FORWARDED_HOST).and_then(host);
    }
    said
}

/// `Forwarded`, the nearest proxy first.
fn forwarded(headers: &HeaderMap) -> Vec<Said> {
    let mut said: Vec<Said> = headers
        .get_all(FORWARDED)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| split(value, ','))
        .map(element)
        .collect();
    said.reverse();
    said.truncate(HOPS_MAX);
    said
}

fn element(text: &str) -> Said {
    let mut said = Said::default();
    for pair in split(text, ';') {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => said.by = address(value),
            "proto" => said.scheme = scheme(value),
            "host" => said.host = host(value),
            _ => {}
        }
    }
    said
}

/// The parts between separators that are in no quotes. Backslashes need no care: neither an
/// address nor a scheme nor a host has one, and a part that has is not understood.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        !quoted && c == separator
    })
    .map(str::trim)
}

/// All values of a header, those in lists one by one.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .map(|value: &HeaderValue| value.to_str().unwrap_or_default())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// An address with or without a port: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let found = text.parse().ok().or_else(|| {
        let bare = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.0,
            None => text.split_once(':')?.0,
        };
        bare.parse().ok()
    });
    found.map(|address: IpAddr| address.to_canonical())
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|known| text.eq_ignore_ascii_case(known))
}

fn host(text: &str) -> Option<String> {
    let host: Authority = text.parse().ok()?;
    (!host.as_str().contains('@')).then(|| text.to_owned())
}

#[cfg(test)]
#[path = "forwarded_test.rs"]
mod tests;
