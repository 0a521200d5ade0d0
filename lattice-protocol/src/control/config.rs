//! Named configs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::AppName;

/// Sets a named config, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigPut {
    /// The config.
    pub name: AppName,
    /// Its values.
    pub values: BTreeMap<String, String>,
    /// Only if the config is still at this revision; 0 means that it must not be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One named config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByConfig {
    /// The config.
    pub name: AppName,
    /// Only if the config is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One named config, in `config.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSummary {
    /// The config.
    pub name: AppName,
    /// Its revision.
    pub revision: u64,
    /// Its keys.
    pub keys: Vec<String>,
}

/// A named config, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedConfig {
    /// The config.
    pub name: AppName,
    /// Its revision; 0 when it is not there.
    pub revision: u64,
    /// Its values.
    pub values: BTreeMap<String, String>,
}
