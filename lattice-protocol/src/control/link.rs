//! Links, one by one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ActorName, LinkName, TargetName};
use crate::interface::InterfacePattern;

/// Declares a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPut {
    /// Who calls.
    pub source: ActorName,
    /// What is called.
    pub interface: InterfacePattern,
    /// Which of several links for that interface.
    #[serde(default)]
    pub name: LinkName,
    /// Who answers.
    pub target: TargetName,
    /// What the target is told of this pair.
    #[serde(default)]
    pub config: BTreeMap<String, serde_json::Value>,
    /// Only if the source's app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// Removes a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkDelete {
    /// Who calls.
    pub source: ActorName,
    /// What is called.
    pub interface: InterfacePattern,
    /// Which of several links for that interface.
    #[serde(default)]
    pub name: LinkName,
    /// Only if the source's app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One link, in `link.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSummary {
    /// Who calls.
    pub source: ActorName,
    /// What is called.
    pub interface: InterfacePattern,
    /// Which of several links for that interface.
    pub name: LinkName,
    /// Who answers.
    pub target: TargetName,
}
