//! What one host is to run: written by the leader, read by that host, which needs nothing else.

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::digest::Digest;
use lattice_protocol::id::{ActorName, AppName, ProviderName};
use lattice_protocol::interface::InterfacePattern;
use serde::{Deserialize, Serialize};

use crate::app::{ActorSpec, ProviderSpec};
use crate::revision::Revision;

/// The work of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The lease under which it was written: a host ignores one that is older than what it knows.
    pub epoch: u64,
    /// Its actors, by name and revision. A list, not a map: two revisions of an actor may live side
    /// by side.
    #[serde(default)]
    pub actors: Vec<AssignedActor>,
    /// Its providers.
    #[serde(default)]
    pub providers: BTreeMap<ProviderName, AssignedProvider>,
}

/// One revision of an actor on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedActor {
    /// The actor.
    pub name: ActorName,
    /// The app that declares it.
    pub app: AppName,
    /// Names `component` and `spec` together.
    pub revision: Revision,
    /// How many calls may be busy at once here.
    pub slots: u32,
    /// Its code, as stored in the lattice.
    pub component: Digest,
    /// How it runs.
    pub spec: ActorSpec,
    /// What others call it by, through links and routes: a revision that exports it no more does not
    /// take over from one that does. No part of what the revision names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub asked: BTreeSet<InterfacePattern>,
}

/// A provider on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedProvider {
    /// The app that declares it.
    pub app: AppName,
    /// Names `spec`.
    pub revision: Revision,
    /// How it runs.
    pub spec: ProviderSpec,
}

impl Assignment {
    /// The revisions of an actor that are to run here.
    pub fn actor<'a>(&'a self, name: &'a ActorName) -> impl Iterator<Item = &'a AssignedActor> {
        self.actors.iter().filter(move |actor| actor.name == *name)
    }

    /// How many calls of that actor may be busy at once here, over its revisions.
    pub fn slots(&self, name: &ActorName) -> u32 {
        self.actor(name)
            .fold(0, |sum, actor| sum.saturating_add(actor.slots))
    }

    /// Puts the actors in the order in which they are written and compared.
    pub fn sort(&mut self) {
        self.actors
            .sort_by(|a, b| (&a.name, &a.revision).cmp(&(&b.name, &b.revision)));
    }

    /// Whether both ask for the same work: then there is nothing to write.
    pub fn same_work(&self, other: &Self) -> bool {
        self.actors == other.actors && self.providers == other.providers
    }
}
