//! An app: what one manifest declares, as it is stored.
//!
//! Readers take a stored app with fields that they don't know: a newer host may have written it.
//! A manifest, written by people, is read strictly (see [`crate::manifest`]).

pub mod actor;
pub mod component;
pub mod grant;
pub mod limits;
pub mod link;
pub mod name_rule;
pub mod path;
pub mod provider;
pub mod socket_rule;

use std::collections::BTreeMap;

use lattice_protocol::control::RolledBack;
use lattice_protocol::id::{ActorName, AppName, ProviderName, TargetName};
use serde::{Deserialize, Serialize};

pub use actor::{Actor, ActorSpec, InstanceMode};
pub use component::ComponentRef;
pub use grant::{Folder, Grants, GuestPath, HostPath, Mode, NameRule, SocketRule, Use};
pub use limits::Limits;
pub use link::Link;
pub use provider::{Provider, ProviderSpec, Route, Runs};

/// What one manifest declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its name: one manifest replaces the one of the same name before it.
    pub name: AppName,
    /// What its author calls this state of it; for people.
    pub version: String,
    /// Its actors.
    #[serde(default)]
    pub actors: BTreeMap<ActorName, Actor>,
    /// Its providers.
    #[serde(default)]
    pub providers: BTreeMap<ProviderName, Provider>,
    /// Set where nobody asked for this revision: the one before it could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RolledBack>,
}

impl App {
    /// An app that declares nothing yet.
    pub fn new(name: AppName, version: impl Into<String>) -> Self {
        Self {
            name,
            version: version.into(),
            actors: BTreeMap::new(),
            providers: BTreeMap::new(),
            rolled_back: None,
        }
    }

    /// Every name that it takes, actors first; a name that is taken twice comes twice.
    pub fn names(&self) -> impl Iterator<Item = TargetName> {
        let actors = self.actors.keys().map(TargetName::from);
        actors.chain(self.providers.keys().map(TargetName::from))
    }

    /// Whether an actor or a provider of this app has that name.
    pub fn declares(&self, name: &str) -> bool {
        self.actors.contains_key(name) || self.providers.contains_key(name)
    }
}
