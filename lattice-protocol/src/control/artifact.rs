//! Components stored in the lattice.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One stored component.
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
}

/// The answer to `artifact.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactDeleted {
    /// The component.
    pub digest: Digest,
    /// Whether it was there.
    pub deleted: bool,
}
