//! Control: what operators ask of a lattice, as JSON over request and reply.
//!
//! A request goes to `lattice.<L>.ctl.<noun>.<verb>` (see [`Verb`]); any host answers, one of the
//! queue group. The reply is `{"ok":true,"value":…}` or `{"ok":false,"error":{"code":…,"message":…}}`.
//! Unknown fields are refused by name, so that a misspelt one is not ignored. Every verb is
//! idempotent, and those that change something take an optional `if_revision`: the change is then
//! made only if the app is still at that revision, else the code is `conflict`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{ActorName, AppName, HostId, LinkName, ProviderName, TargetName};
use crate::interface::InterfacePattern;
use crate::report::Phase;
use crate::words::words;

words! {
    /// What can be asked of a lattice.
    Verb {
        /// Declares an app: [`AppApply`] → [`Applied`].
        AppApply = "app.apply",
        /// What an apply would change: [`AppApply`] → a list of [`Change`].
        AppDiff = "app.diff",
        /// Removes an app and stops what it declared: [`ByApp`] → [`Applied`].
        AppDelete = "app.delete",
        /// Every app: [`Nothing`] → a list of [`AppSummary`].
        AppList = "app.list",
        /// An app's revisions, newest first: [`ByApp`].
        AppHistory = "app.history",
        /// Goes back to an earlier revision: [`AppRollback`] → [`Applied`].
        AppRollback = "app.rollback",
        /// Declares one actor without a manifest: [`ActorStart`] → [`Applied`].
        ActorStart = "actor.start",
        /// How many instances over the whole lattice: [`ActorScale`] → [`Applied`].
        ActorScale = "actor.scale",
        /// A new revision: [`ActorUpdate`] → [`Applied`].
        ActorUpdate = "actor.update",
        /// Removes an actor: [`ByActor`] → [`Applied`].
        ActorStop = "actor.stop",
        /// Every actor: [`Nothing`] → a list of [`ActorSummary`].
        ActorList = "actor.list",
        /// An actor's WIT and endpoints: [`ByActor`] → [`ActorDetail`].
        ActorInspect = "actor.inspect",
        /// Declares a link: [`LinkPut`] → [`Applied`].
        LinkPut = "link.put",
        /// Removes a link: [`LinkDelete`] → [`Applied`].
        LinkDelete = "link.delete",
        /// Every link: [`Nothing`] → a list of [`LinkSummary`].
        LinkList = "link.list",
        /// Sets a named config: [`ConfigPut`].
        ConfigPut = "config.put",
        /// Reads a named config: [`ByConfig`].
        ConfigGet = "config.get",
        /// Removes a named config: [`ByConfig`].
        ConfigDelete = "config.delete",
        /// Declares a provider: [`ProviderStart`] → [`Applied`].
        ProviderStart = "provider.start",
        /// Removes a provider: [`ByProvider`] → [`Applied`].
        ProviderStop = "provider.stop",
        /// Every provider: [`Nothing`] → a list of [`ProviderSummary`].
        ProviderList = "provider.list",
        /// The components stored in the lattice: [`Nothing`] → a list of [`ArtifactSummary`].
        ArtifactList = "artifact.list",
        /// Removes a component that nothing declares: [`ByDigest`].
        ArtifactDelete = "artifact.delete",
        /// Every host: [`Nothing`] → a list of [`Report`](crate::report::Report).
        HostList = "host.list",
    }
}

words! {
    /// What can be asked of one host, on `lattice.<L>.host.<host>.ctl.<verb>`.
    HostVerb {
        /// Answers at once.
        Ping = "ping",
        /// What runs there: [`Nothing`] → [`Report`](crate::report::Report).
        Inventory = "inventory",
        /// One actor that runs there: [`ByActor`] → [`ActorDetail`].
        Inspect = "inspect",
        /// Gives its work to others, then stops.
        Drain = "drain",
        /// Stops.
        Stop = "stop",
        /// Sets labels.
        Label = "label",
    }
}

words! {
    /// Why a control request was not carried out.
    ProblemCode {
        /// The request is malformed, or what it declares is not valid.
        BadRequest = "bad-request",
        /// The caller may not do this.
        Denied = "denied",
        /// No such thing.
        NotFound = "not-found",
        /// Somebody else changed it first, or the name is taken.
        Conflict = "conflict",
        /// The state can't be reached: nothing was changed.
        Unavailable = "unavailable",
        /// A fault of the lattice itself.
        Internal = "internal",
    }
}

/// Why a control request was not carried out, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What a program would act on.
    pub code: ProblemCode,
    /// What a person reads: names the thing and what to do.
    pub message: String,
}

impl Problem {
    /// A problem with its message.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What every control request is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Reply<T> {
    ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

impl<T> From<Result<T, Problem>> for Reply<T> {
    fn from(result: Result<T, Problem>) -> Self {
        match result {
            Ok(value) => Self {
                ok: true,
                value: Some(value),
                error: None,
            },
            Err(problem) => Self {
                ok: false,
                value: None,
                error: Some(problem),
            },
        }
    }
}

impl<T> Reply<T> {
    /// The value, or why there is none.
    pub fn into_result(self) -> Result<T, Problem> {
        match (self.value, self.error) {
            (_, Some(problem)) => Err(problem),
            (Some(value), None) => Ok(value),
            (None, None) => Err(Problem::new(
                ProblemCode::Internal,
                "the reply has neither a value nor an error",
            )),
        }
    }
}

/// A request that says nothing: `{}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

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

/// One named config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByConfig {
    /// The config.
    pub name: AppName,
}

/// Sets a named config, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigPut {
    /// The config.
    pub name: AppName,
    /// Its values.
    pub values: BTreeMap<String, String>,
}

/// One stored component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByDigest {
    /// The component.
    pub digest: Digest,
}

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
}

/// How a thing does on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The revision that runs there.
    pub revision: String,
    /// How many instances it may use there.
    pub slots: u32,
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

/// One stored component, in `artifact.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactSummary {
    /// The component.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_field_is_refused_by_name() {
        let error = serde_json::from_str::<ActorScale>(r#"{"name":"a","instance":3}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `instance`"),
            "{error}"
        );
    }

    #[test]
    fn replies_are_spelled_as_the_protocol_says() {
        let good: Reply<u32> = Ok(3).into();
        assert_eq!(
            serde_json::to_string(&good).unwrap(),
            r#"{"ok":true,"value":3}"#
        );
        let bad: Reply<u32> = Err(Problem::new(ProblemCode::NotFound, "no actor a")).into();
        assert_eq!(
            serde_json::to_string(&bad).unwrap(),
            r#"{"ok":false,"error":{"code":"not-found","message":"no actor a"}}"#
        );
        assert_eq!(good.into_result(), Ok(3));
        assert_eq!(bad.into_result().unwrap_err().code, ProblemCode::NotFound);
    }

    #[test]
    fn every_verb_reads_back() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
        }
    }
}
