//! Apps: declared, compared, removed, listed, and taken back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{ActorName, AppName, ProviderName};
use crate::report::Refused;
use crate::words::words;

/// Declares an app from its manifest; components are named by digest or registry reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppApply {
    /// The manifest, as TOML.
    pub manifest: String,
    /// Only if the app is still at this revision; 0 means that it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// One app by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByApp {
    /// The app.
    pub name: AppName,
    /// Only if the app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// Goes back to an earlier revision of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRollback {
    /// The app.
    pub name: AppName,
    /// The revision to return to; the one before the present if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Only if the app is still at this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// The answer to what changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The app that was changed.
    pub app: AppName,
    /// Its revision now: also the number that `if_revision` takes.
    pub revision: u64,
    /// What changed; empty when it was already so.
    pub changes: Vec<Change>,
}

/// One difference between what is declared and what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `added`, `changed` or `removed`.
    pub what: ChangeKind,
    /// Of which thing: `actor counter`, `provider web`, …
    pub thing: String,
}

words! {
    /// How a thing differs.
    ChangeKind {
        /// It was not there.
        Added = "added",
        /// It was different.
        Changed = "changed",
        /// It is there no more.
        Removed = "removed",
    }
}

/// One app, in `app.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSummary {
    /// The app.
    pub name: AppName,
    /// The version its manifest names.
    pub version: String,
    /// Its revision.
    pub revision: u64,
    /// Its actors.
    pub actors: Vec<ActorName>,
    /// Its providers.
    pub providers: Vec<ProviderName>,
}

/// The answer to `app.export`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppExport {
    /// The app.
    pub name: AppName,
    /// Its revision.
    pub revision: u64,
    /// Everything it declares, as the TOML that `app.apply` takes.
    pub manifest: String,
}

/// One revision of an app, in `app.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRevision {
    /// What `app.rollback` takes as `to`.
    pub revision: u64,
    /// When it was written, by the server's clock.
    pub written: String,
    /// Whether the app was removed by it.
    pub deleted: bool,
    /// The version that its manifest named; empty where it was removed or can't be read.
    pub version: String,
    /// Its actors.
    pub actors: Vec<ActorName>,
    /// Its providers.
    pub providers: Vec<ProviderName>,
    /// Why the lattice wrote it by itself; absent for what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<RolledBack>,
}

/// Why an app is again as it was: an update that no host could start was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The revision that was taken back.
    pub from: u64,
    /// The one before, which runs.
    pub to: u64,
    /// What could not be started, and why: the first of it.
    pub refused: BTreeMap<ActorName, Refused>,
}
