//! Control: what operators ask of a lattice, as JSON over request and reply.
//!
//! A request goes to `lattice.<L>.ctl.<noun>.<verb>` (see [`Verb`]); any host answers, one of the
//! queue group. The reply is `{"ok":true,"value":…}` or `{"ok":false,"error":{"code":…,"message":…}}`.
//! Unknown fields are refused by name, so that a misspelt one is not ignored. Every verb is
//! idempotent, and those that change something take an optional `if_revision`: the change is then
//! made only if the app is still at that revision, else the code is `conflict`.
//!
//! What is asked and answered, one noun a file: [`Verb`] lists it.

mod actor;
mod app;
mod artifact;
mod audit;
mod config;
mod host;
mod link;
mod provider;
mod verb;

pub use actor::{
    ActorDetail, ActorScale, ActorStart, ActorSummary, ActorUpdate, ByActor, Placement,
};
pub use app::{
    AppApply, AppExport, AppRevision, AppRollback, AppSummary, Applied, ByApp, Change, ChangeKind,
    RolledBack,
};
pub use artifact::{
    ArtifactCollect, ArtifactDeleted, ArtifactSummary, ArtifactsCollected, ByDigest,
};
pub use audit::{
    AuditEntry, AuditList, AuditRecord, BY_LEN_MAX, CHANGES_MAX, LIMIT_MAX as AUDIT_LIMIT_MAX,
    REASON_LEN_MAX,
};
pub use config::{ByConfig, ConfigPut, ConfigSummary, NamedConfig};
pub use host::{HostAnswer, HostLabel, HostLabels, HostSummary};
pub use link::{LinkDelete, LinkPut, LinkSummary};
pub use provider::{
    ByProvider, ProviderLink, ProviderNamed, ProviderRoute, ProviderSettings, ProviderStart,
    ProviderSummary,
};
pub use verb::{HostVerb, Verb};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::words::words;

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

/// The longest message of a problem: it may quote a whole manifest line, and must not be larger than
/// what it is about.
pub const MESSAGE_LEN_MAX: usize = 8 * 1024;

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
        let mut message = message.into();
        if message.len() > MESSAGE_LEN_MAX {
            message.truncate(message.floor_char_boundary(MESSAGE_LEN_MAX));
            message.push('…');
        }
        Self { code, message }
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

impl<T: DeserializeOwned> Reply<T> {
    /// The value, or why there is none.
    pub fn into_result(self) -> Result<T, Problem> {
        let broken = |what| Problem::new(ProblemCode::Internal, what);
        match (self.ok, self.value, self.error) {
            (false, _, Some(problem)) => Err(problem),
            (false, _, None) => Err(broken("the reply says no and gives no reason")),
            (true, Some(value), _) => Ok(value),
            // A value that is null reads as none.
            (true, None, _) => serde_json::from_value(serde_json::Value::Null)
                .map_err(|_| broken("the reply says yes and has no value")),
        }
    }
}

/// The header in which whoever asks may say who they are: it is kept in the audit trail, and nothing is
/// decided by it.
pub const BY_HEADER: &str = "Lattice-By";

/// A request that says nothing: `{}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

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
        let null: Reply<Option<u32>> = serde_json::from_str(r#"{"ok":true,"value":null}"#).unwrap();
        assert_eq!(null.into_result(), Ok(None));
        let torn: Reply<u32> = serde_json::from_str(r#"{"ok":false,"value":3}"#).unwrap();
        assert!(torn.into_result().is_err());
        assert_eq!(bad.into_result().unwrap_err().code, ProblemCode::NotFound);
    }

    #[test]
    fn every_verb_reads_back() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(*verb));
        }
    }
}
