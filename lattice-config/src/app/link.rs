//! A link: who answers what an actor imports.

use std::collections::BTreeMap;

use lattice_protocol::id::{LinkName, TargetName};
use lattice_protocol::interface::InterfacePattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most links of one actor: a component imports a few dozen interfaces at the most.
pub const LINKS_MAX: usize = 256;

/// Who answers an interface for one actor, and what the answerer is told of that pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// An interface, or every interface of a package.
    pub interface: InterfacePattern,
    /// Which of several links for that interface: the actor picks one by this name.
    #[serde(default)]
    pub name: LinkName,
    /// An actor or a provider.
    pub to: TargetName,
    /// What the target is told of this pair.
    #[serde(default)]
    pub config: BTreeMap<String, Value>,
    /// The most time of a call through this link; the caller's remaining time if that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Whether a call that may have been executed may be sent again.
    #[serde(default)]
    pub idempotent: bool,
}

impl Link {
    /// A link of the default name without config.
    pub fn new(interface: InterfacePattern, to: TargetName) -> Self {
        Self {
            interface,
            name: LinkName::default(),
            to,
            config: BTreeMap::new(),
            deadline_ms: None,
            idempotent: false,
        }
    }
}
