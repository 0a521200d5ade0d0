//! The heartbeat of a host: its [`Report`], whole or what changed of it.
//!
//! A host sends one every [`HEARTBEAT_INTERVAL`](crate::report::HEARTBEAT_INTERVAL) as the event
//! `host.heartbeat`. What it is (labels, capacity, age) and by which assignment it runs is in each; its
//! connection, actors and providers are in a *whole* one, or, in the others, those that changed. The
//! parts of a host have a number, the *sequence*; a change says upon which it follows, and one that
//! changes nothing follows on itself. So a heartbeat at rest may be lost without harm, and whoever
//! misses a change sees it in the next.
//!
//! A whole one is sent by a new process, over a new connection, when somebody asks for it
//! (`host.<host>.ctl.report`), and every [`WHOLE_EVERY`] heartbeats; one that does not fit
//! [`HEARTBEAT_BYTES_MAX`] goes as several pages. A reader that misses something knows nothing of what
//! runs there, **not** that nothing runs there, until a whole one comes.
//!
//! Whatever has no [`News`] is from a host of an older version, and whole. A reader of an older version
//! takes a change for all there is: it sends fewer calls straight to that host, waits longer for what
//! moves there, and can't cut its connection when it hangs; it stops nothing by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ActorName, ProcessId, TargetName};
use crate::report::Report;

/// After so many heartbeats all is said again, also unasked: once a minute.
pub const WHOLE_EVERY: u32 = 120;
/// The most that is said in one message: under the smallest `max_payload` that is in use, and short
/// enough that it delays no call behind it.
pub const HEARTBEAT_BYTES_MAX: usize = 128 * 1024;
/// The most pages of a whole heartbeat: 16 MiB, some 150,000 actors on one host.
pub const PAGES_MAX: u32 = 128;

/// A heartbeat as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The host. Its actors and providers are all of them, those of a page, or those that changed.
    #[serde(flatten)]
    pub report: Report,
    /// Which of these it is; none from an older version, which says all each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news: Option<News>,
}

/// What a heartbeat says of a host's actors and providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The process that says it: each has a sequence of its own.
    pub process: ProcessId,
    /// The number of the state that is known with it.
    pub sequence: u64,
    /// Of which state it is a change; the same number when nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
    /// Which page of a whole it is, from 1; absent in a whole of one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// Actors of which only the load changed: how many calls each serves, and how many wait.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loads: BTreeMap<ActorName, (u32, u32)>,
    /// Actors and providers that are there no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<TargetName>,
}

/// One of several messages that say all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl From<Report> for Heartbeat {
    /// As an older version says it: whole.
    fn from(report: Report) -> Self {
        Self { report, news: None }
    }
}

#[cfg(test)]
#[path = "heartbeat_test.rs"]
mod tests;
