//! Who asked for which change, and what became of it.
//!
//! Each is an event, `audit.changed` or `audit.refused`, which a JetStream stream keeps. A later reader
//! may find fields that it doesn't know and passes them over.

use serde::{Deserialize, Serialize};

use super::{Change, ProblemCode};
use crate::id::HostId;

/// The longest word of somebody about themselves.
pub const BY_LEN_MAX: usize = 128;
/// The longest reason that is kept, and the most changes: who wants to know more finds the revision.
pub const REASON_LEN_MAX: usize = 512;
/// See [`REASON_LEN_MAX`].
pub const CHANGES_MAX: usize = 20;
/// The most records in one answer, which fit in one message.
pub const LIMIT_MAX: u32 = 200;

/// A request that changed something, or would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// What was asked: `app.apply`, or for one host `drain`.
    pub verb: String,
    /// Who asked, by their own word; absent if they said none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The host that answered.
    pub host: HostId,
    /// What it is about: `app/demo`, `config/colours`, `host/…`; empty where the request doesn't say.
    pub about: String,
    /// The revision that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// What changed, the first of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Why it was refused; absent for what was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ProblemCode>,
    /// The reason, in words; also of what the lattice took back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One record, in `audit.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number: they grow, with gaps.
    pub number: u64,
    /// When it was kept, by the server's clock (RFC 3339).
    pub at: String,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// Asks for records, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditList {
    /// How many at most; [`LIMIT_MAX`] if absent or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those before this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}
