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
}

/// One named config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByConfig {
    /// The config.
    pub name: AppName,
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
