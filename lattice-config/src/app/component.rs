//! Where an actor's code is to be found.

use std::fmt;
use std::str::FromStr;

use lattice_protocol::digest::Digest;
use serde::{Deserialize, Serialize};

const OCI_PREFIX: &str = "oci://";
const DIGEST_PREFIX: &str = "sha256:";
/// The longest reference: as long as a path may be on Linux.
pub const REFERENCE_LEN_MAX: usize = 4096;

/// A component, by file, registry reference or digest. Only a digest can be run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ComponentRef {
    /// A file beside the manifest: it has to be pushed into the lattice before a host can have it.
    File(String),
    /// A registry reference, with its `oci://`.
    Oci(String),
    /// A component that is stored in the lattice.
    Digest(Digest),
}

/// Why a text names no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing after the scheme, or nothing at all.
    #[error("component {0:?} is empty: use a file, oci://… or sha256:…")]
    Empty(String),
    /// It is longer than [`REFERENCE_LEN_MAX`].
    #[error("component is longer than {REFERENCE_LEN_MAX} bytes")]
    TooLong,
    /// It has a scheme that the lattice doesn't fetch from.
    #[error("component {0:?} has an unknown scheme: use a file, oci://… or sha256:…")]
    Scheme(String),
    /// The digest is malformed.
    #[error(transparent)]
    Digest(#[from] lattice_protocol::id::Error),
}

impl ComponentRef {
    /// The digest, if it can be run as it is.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::File(_) | Self::Oci(_) => None,
        }
    }
}

impl FromStr for ComponentRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > REFERENCE_LEN_MAX {
            return Err(Error::TooLong);
        }
        if text.trim().is_empty() || text == OCI_PREFIX {
            return Err(Error::Empty(text.to_owned()));
        }
        if text.starts_with(DIGEST_PREFIX) {
            return Ok(Self::Digest(text.parse()?));
        }
        if text.starts_with(OCI_PREFIX) {
            return Ok(Self::Oci(text.to_owned()));
        }
        if text.contains("://") {
            return Err(Error::Scheme(text.to_owned()));
        }
        Ok(Self::File(text.to_owned()))
    }
}

impl fmt::Display for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(text) | Self::Oci(text) => f.write_str(text),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl TryFrom<String> for ComponentRef {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ComponentRef> for String {
    fn from(component: ComponentRef) -> Self {
        component.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_survives_text() {
        let digest = Digest::of(b"abc").to_string();
        for text in ["counter.wasm", "./a/b.wasm", "oci://ghcr.io/x/y:1", &digest] {
            assert_eq!(text.parse::<ComponentRef>().unwrap().to_string(), text);
        }
        assert!(digest.parse::<ComponentRef>().unwrap().digest().is_some());
    }

    #[test]
    fn what_names_no_component_is_refused_with_what_to_write() {
        for text in ["", " ", "oci://", "sha256:12", "https://example.com/a.wasm"] {
            let error = text.parse::<ComponentRef>().unwrap_err().to_string();
            assert!(error.contains("use "), "{text:?}: {error}");
        }
        assert!("a".repeat(5000).parse::<ComponentRef>().is_err());
    }
}
