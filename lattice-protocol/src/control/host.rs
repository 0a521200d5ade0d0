//! Hosts: all of them listed, and one of them asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::HostId;
use crate::report::Report;

/// A host, in `host.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSummary {
    /// What it said of itself last.
    #[serde(flatten)]
    pub report: Report,
    /// How long ago, by the clock of the host that answers.
    pub silent_ms: u64,
}

/// Sets labels of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostLabel {
    /// What to change: a label is set to the value, or removed where there is none.
    pub labels: BTreeMap<String, Option<String>>,
}

/// The answer to `label`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLabels {
    /// Every label that the host has now.
    pub labels: BTreeMap<String, String>,
}

/// The answer to `ping`, `drain` and `stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAnswer {
    /// The host that was asked, and does it.
    pub host: HostId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_host_reads_flat_and_survives_json() {
        let text = r#"{"host":"h1","version":"0.1.0","labels":{},"capacity":9,"uptime_ms":1,"actors":{"a":{"revision":"r","slots":8,"busy":1,"waiting":0,"phase":"failed","reason":"no link"}},"providers":{},"silent_ms":250}"#;
        let host: HostSummary = serde_json::from_str(text).unwrap();
        assert_eq!((host.report.actors.len(), host.silent_ms), (1, 250));
        assert_eq!(serde_json::to_string(&host).unwrap(), text);
    }
}
