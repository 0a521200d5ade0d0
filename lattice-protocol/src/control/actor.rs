//! Actors: started without a manifest, scaled, updated, removed, listed and looked into.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{ActorName, AppName, HostId};
use crate::report::{Phase, Refused};

/// Declares one actor without a manifest: it becomes an app of the actor's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorStart {
    /// The actor.
    pub name: ActorName,
    /// `sha256:…` or a registry reference.
    pub component: String,
    /// How many may be busy at once, over the whole lattice.
    pub instances: u32,
    /// What `wasi:config` answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Its links, as in a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<serde_json::Value>,
    /// Its limits, as in a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<serde_json::Value>,
    /// The labels a host must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Only if the app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// How many instances an actor has over the whole lattice; 0 stops it and keeps it declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorScale {
    /// The actor.
    pub name: ActorName,
    /// How many.
    pub instances: u32,
    /// Only if its app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// A new revision of an actor, rolled out without a failed call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorUpdate {
    /// The actor.
    pub name: ActorName,
    /// The new component; the present one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The new config, whole; the present one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<BTreeMap<String, String>>,
    /// Only if its app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One actor by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByActor {
    /// The actor.
    pub name: ActorName,
    /// Only if its app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One actor, in `actor.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorSummary {
    /// The actor.
    pub name: ActorName,
    /// The app that declares it.
    pub app: AppName,
    /// Its component.
    pub component: String,
    /// How many instances are declared.
    pub wanted: u32,
    /// Where it is and how it does there.
    pub hosts: BTreeMap<HostId, Placement>,
    /// Why it is not placed, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced: Option<String>,
    /// What its app's last change made of it, if no host could start that and it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Refused>,
}

/// How a thing does on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The revision that runs there.
    pub revision: String,
    /// How many instances it may use there.
    pub slots: u32,
    /// The revision of [`ProviderSettings`](super::ProviderSettings) that a provider works by there, if
    /// it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The revision that should run there and can't be started; of a provider, the settings that it
    /// could not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
}

/// The answer to `actor.inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorDetail {
    /// The actor.
    pub name: ActorName,
    /// Its component.
    pub component: Digest,
    /// What can be called, with its signature: `greet: func(name: string) -> string`.
    pub endpoints: BTreeMap<String, String>,
    /// What it imports, and who answers.
    pub imports: BTreeMap<String, String>,
}
