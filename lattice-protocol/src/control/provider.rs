//! Providers: started without a manifest, removed and listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Placement;
use crate::id::{ActorName, AppName, HostId, LinkName, ProviderName};
use crate::interface::InterfacePattern;

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
    /// The revision of its [settings](ProviderSettings) as they are declared; older hosts don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Where it is and how it does there.
    pub hosts: BTreeMap<HostId, Placement>,
    /// Why it is not placed, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced: Option<String>,
}

/// The question for one provider's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderNamed {
    /// The provider.
    pub name: ProviderName,
}

/// What is declared for a provider: for processes that don't follow it by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderSettings {
    /// The provider.
    pub name: ProviderName,
    /// The app that declares it.
    pub app: AppName,
    /// Names all that follows: another one means that something of it has changed.
    pub revision: String,
    /// Its own config.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What it passes on to which actor.
    pub routes: Vec<ProviderRoute>,
    /// The links that lead to it, of every app.
    pub links: Vec<ProviderLink>,
}

/// Requests that a provider passes on to an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRoute {
    /// Only those for this host; any host if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Only those whose path begins so.
    pub path: String,
    /// Who answers them.
    pub actor: ActorName,
}

/// A link as its provider sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLink {
    /// The actor that calls through it.
    pub source: ActorName,
    /// An interface, or every interface of a package.
    pub interface: InterfacePattern,
    /// Which of the actor's links for that interface.
    pub name: LinkName,
    /// What is declared for this pair of actor and provider.
    pub config: BTreeMap<String, serde_json::Value>,
}
