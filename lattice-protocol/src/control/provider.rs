//! Providers: started without a manifest, removed and listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Placement;
use crate::id::{AppName, HostId, ProviderName};

/// Declares a provider: `kind` for one that the `lattice` binary carries, or `exec` for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderStart {
    /// The provider.
    pub name: ProviderName,
    /// `http`, `keyvalue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A command with its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Vec<String>>,
    /// What it is told at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
    /// Only if its app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One provider by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByProvider {
    /// The provider.
    pub name: ProviderName,
    /// Only if its app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One provider, in `provider.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSummary {
    /// The provider.
    pub name: ProviderName,
    /// The app that declares it.
    pub app: AppName,
    /// What it is: a kind, or a command.
    pub kind: String,
    /// Where it is and how it does there.
    pub hosts: BTreeMap<HostId, Placement>,
    /// Why it is not placed, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced: Option<String>,
}
