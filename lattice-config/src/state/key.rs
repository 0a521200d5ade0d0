//! The keys of the store's bucket, built and read.

use std::fmt;

use lattice_protocol::id::{AppName, HostId};

use super::head::PartName;

/// Where the lease is.
pub const LEASE: &str = "lease";
/// Matches every app.
pub const APPS: &str = "app.*";
/// Matches every assignment.
pub const ASSIGNMENTS: &str = "assign.*";
/// Matches every named config.
pub const CONFIGS: &str = "config.*";

const APP: &str = "app.";
const ASSIGN: &str = "assign.";
const PART: &str = "part.";
const CONFIG: &str = "config.";

/// Where an app is.
pub fn app(name: &AppName) -> String {
    format!("{APP}{name}")
}

/// Where the assignment of a host is.
pub fn assignment(host: &HostId) -> String {
    format!("{ASSIGN}{host}")
}

/// Where a part of a host's assignment is.
pub fn part(host: &HostId, name: &PartName) -> String {
    format!("{PART}{host}.{name}")
}

/// Where a named config is.
pub fn config(name: &AppName) -> String {
    format!("{CONFIG}{name}")
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// An app.
    App(AppName),
    /// What a host is to run.
    Assignment(HostId),
    /// A part of it.
    Part(HostId, PartName),
    /// A named config.
    Config(AppName),
    /// Who leads.
    Lease,
}

impl Key {
    /// Reads a key; none of ours if it is another word, which a later version may have written.
    pub fn read(text: &str) -> Option<Self> {
        if text == LEASE {
            return Some(Self::Lease);
        }
        if let Some(name) = text.strip_prefix(APP) {
            return name.parse().ok().map(Self::App);
        }
        if let Some(host) = text.strip_prefix(ASSIGN) {
            return host.parse().ok().map(Self::Assignment);
        }
        if let Some(text) = text.strip_prefix(PART) {
            let (host, name) = text.split_once('.')?;
            return Some(Self::Part(host.parse().ok()?, name.parse().ok()?));
        }
        text.strip_prefix(CONFIG)?.parse().ok().map(Self::Config)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(name) => f.write_str(&app(name)),
            Self::Assignment(host) => f.write_str(&assignment(host)),
            Self::Part(host, name) => f.write_str(&part(host, name)),
            Self::Config(name) => f.write_str(&config(name)),
            Self::Lease => f.write_str(LEASE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back() {
        let part = format!("part.0123456789ab.3-7-{}", "0".repeat(64));
        for text in [
            "lease",
            "app.demo",
            "assign.0123456789ab",
            "config.demo",
            &part,
        ] {
            assert_eq!(Key::read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_key_of_ours_is_passed_over() {
        for text in [
            "",
            "app",
            "app.",
            "app.a.b",
            "app.A",
            "assign.*",
            "lease.x",
            "other.x",
            "part.h",
            "part.h.1-2-3",
        ] {
            assert_eq!(Key::read(text), None, "{text:?}");
        }
    }
}
