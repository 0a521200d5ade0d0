//! What a host is told at its start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lattice_client::Replicas;
use lattice_protocol::id::HostId;
use lattice_telemetry::Telemetry;

use crate::allow::Allow;
use crate::provider::inline::Kinds;

/// How many instances a host takes in all unless it is told. The engine sets aside some 8 GiB of
/// addresses for each, 8 TiB of the 128 TiB a process has; memory is taken only by those in use.
pub const CAPACITY_DEFAULT: u32 = 1_000;
/// How many MiB all payloads that come in parts may hold together unless it is told.
pub const GATHERED_MIB_DEFAULT: u32 = 1_024;
/// The most labels of a host: they travel in every heartbeat.
pub const LABELS_MAX: usize = 64;
/// The longest key or value of a label: a name is enough.
pub const LABEL_LEN_MAX: usize = 128;

/// So many MiB in bytes, as far as this machine can count.
pub fn mib(count: u32) -> usize {
    usize::try_from(count).map_or(usize::MAX, |count| count.saturating_mul(1024 * 1024))
}

/// What a host is told at its start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The lattice it joins.
    pub client: lattice_client::Options,
    /// Credentials of the NATS system account: with them, a host that leads cuts the connection of one
    /// that hangs.
    pub system_creds: Option<PathBuf>,
    /// On how many servers of a NATS cluster the lattice's state and components are kept.
    pub replicas: Replicas,
    /// While it leads, how long a component stays stored that nothing refers to.
    pub component_grace: Duration,
    /// Its id; the one in its data directory if absent, or a new one.
    pub id: Option<HostId>,
    /// What placement may require of it.
    pub labels: BTreeMap<String, String>,
    /// How many instances it takes in all.
    pub capacity: u32,
    /// How many bytes of memory all payloads that come to it in parts may hold together.
    pub gathered_bytes_max: usize,
    /// What actors may be granted of it.
    pub allow: Allow,
    /// Where it keeps its id, what it last ran, and compiled components; for one host alone.
    pub data: PathBuf,
    /// The folder in which each provider has credentials of its own, `<name>.creds`; without it they
    /// have the host's.
    pub provider_creds: Option<PathBuf>,
    /// The kinds of providers that can run inline.
    pub inline: Kinds,
    /// The `lattice` binary, which runs `provider KIND`.
    pub program: PathBuf,
    /// Where it shows what it does.
    pub telemetry: Telemetry,
}

/// Why labels are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There are too many.
    #[error("{0} labels are too many: a host takes at most {LABELS_MAX}")]
    TooMany(usize),
    /// One is empty or too long.
    #[error(
        "label {0:?} is not valid: a key has 1 to {LABEL_LEN_MAX} bytes, a value at most as many"
    )]
    Invalid(String),
}

/// Reads `zone=a`; the value may be empty, and hold more of `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!(
            "{text:?} has no key and value: write it like zone=a"
        )),
    }
}

/// Checks the labels of a host.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), LabelError> {
    if labels.len() > LABELS_MAX {
        return Err(LabelError::TooMany(labels.len()));
    }
    let invalid = |(key, value): &(&String, &String)| {
        key.is_empty() || key.len() > LABEL_LEN_MAX || value.len() > LABEL_LEN_MAX
    };
    match labels.iter().find(invalid) {
        Some((key, _)) => Err(LabelError::Invalid(
            key.chars().take(LABEL_LEN_MAX).collect(),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_a_key_and_a_value() {
        assert_eq!(key_value("zone=a=b"), Ok(("zone".into(), "a=b".into())));
        assert_eq!(key_value("gpu="), Ok(("gpu".into(), String::new())));
        assert!(key_value("zone").is_err() && key_value("=a").is_err());
    }

    #[test]
    fn labels_are_bounded() {
        let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(check_labels(&one("zone", "a")), Ok(()));
        assert!(check_labels(&one("", "a")).is_err());
        assert!(check_labels(&one("zone", &"a".repeat(LABEL_LEN_MAX + 1))).is_err());
        let many = (0..=LABELS_MAX)
            .map(|n| (n.to_string(), String::new()))
            .collect();
        assert_eq!(
            check_labels(&many),
            Err(LabelError::TooMany(LABELS_MAX + 1))
        );
    }
}
