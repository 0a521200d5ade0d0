//! Components stored in the lattice.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One component by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByDigest {
    /// The component.
    pub digest: Digest,
}

/// One stored component, in `artifact.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactSummary {
    /// The component.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// When it was stored, by the server's clock (RFC 3339); empty if the store doesn't tell.
    #[serde(default)]
    pub stored: String,
    /// What refers to it: `actor counter`, `revision 7 of app demo`. Nothing does: it may be collected.
    #[serde(default)]
    pub used_by: Vec<String>,
}

/// Removes the components that nothing refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactCollect {
    /// Those that were stored within so many seconds stay: whoever pushed them may be about to declare
    /// them. A day if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_s: Option<u64>,
    /// Only says what would be removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// The answer to `artifact.collect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactsCollected {
    /// What was removed, or would be.
    pub removed: Vec<ArtifactSummary>,
    /// How many are left.
    pub kept: u64,
}

/// The answer to `artifact.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactDeleted {
    /// The component.
    pub digest: Digest,
    /// Whether it was there.
    pub deleted: bool,
}
