//! What a host says of itself, in its heartbeat and its inventory.
//!
//! A host sends it every [`HEARTBEAT_INTERVAL`], as far as it changed: [`crate::heartbeat`]. Peers choose
//! among hosts by it; a host that was not heard of for [`HEARTBEAT_SILENCE_MAX`] gets no more calls from
//! them, as long as others are heard: when everybody is silent, it is the listener that is cut off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ActorName, HostId, ProcessId, ProviderName, ServerId};

/// How often a host reports.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// How long a host may be silent before peers send it no more calls: three reports.
pub const HEARTBEAT_SILENCE_MAX: Duration = Duration::from_millis(1500);

/// What a host is and what runs on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The host.
    pub host: HostId,
    /// The version of its program.
    pub version: String,
    /// What placement may require of it.
    pub labels: BTreeMap<String, String>,
    /// How many instances it takes in all.
    pub capacity: u32,
    /// Since when it runs.
    pub uptime_ms: u64,
    /// Its connection to NATS, so that it can be cut when the host hangs; older hosts don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// The assignment by which it runs what it runs, once it has taken one in; older hosts don't say.
    /// Whoever plans can tell by it that `actors` and `providers` are not from before what was assigned
    /// last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentRevision>,
    /// Its actors.
    pub actors: BTreeMap<ActorName, ActorReport>,
    /// Its providers.
    pub providers: BTreeMap<ProviderName, ProviderReport>,
}

/// One writing of a host's assignment: no two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRevision {
    /// The lease under which it was written.
    pub epoch: u64,
    /// The revision of its key in the state.
    pub revision: u64,
}

/// A connection, as its NATS server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The server.
    pub server: ServerId,
    /// The number that the server gave the client.
    pub client: u64,
}

/// One actor on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorReport {
    /// The revision that takes new calls.
    pub revision: String,
    /// How many calls it may serve at once here.
    pub slots: u32,
    /// How many it serves now.
    pub busy: u32,
    /// How many wait for a slot.
    pub waiting: u32,
    /// The assigned revision, where it can't be started: the one before goes on, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
}

/// A revision that can't be started, or settings that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The revision.
    pub revision: String,
    /// Why, and what to do.
    pub reason: String,
    /// Whether that may pass by itself: a store or a disk has not answered. It is tried again, as each
    /// start is, and no roll-back follows from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
}

/// One provider on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReport {
    /// The revision of what it is started with.
    pub revision: String,
    /// Its process, while it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Which process of the provider that is: calls to it alone go by this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessId>,
    /// How often it was started again.
    pub restarts: u32,
    /// The revision of `provider.settings` that it says it works by; none if it says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The revision of `provider.settings` that it could not take; those before stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// For how long it has not answered its host's health checks; absent while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u64>,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
}

/// How far a thing is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// On its way up.
    Starting,
    /// It answers calls.
    Running,
    /// It takes no new calls and finishes those it has.
    Draining,
    /// It could not be started, or keeps ending.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_json_and_reads_flat() {
        let actor = ActorReport {
            revision: "abc".into(),
            slots: 8,
            busy: 1,
            waiting: 0,
            refused: None,
            phase: Phase::Failed {
                reason: "no link for wasi:keyvalue/store".into(),
            },
        };
        let text = serde_json::to_string(&actor).unwrap();
        assert!(
            text.contains(r#""phase":"failed","reason":"no link"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<ActorReport>(&text).unwrap(), actor);
    }
}
