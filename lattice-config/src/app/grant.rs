//! What an actor is granted of the machine that it runs on: folders, sockets, names to look up.
//!
//! A grant is a wish: the host that runs the actor must allow it as well (see [`Grants`]), so that
//! whoever may send a manifest does not thereby own every machine of the lattice.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::name_rule::NameRule;
pub use super::path::{GuestPath, HostPath};
pub use super::socket_rule::{SocketRule, Use};

/// The most folders of one actor: each is an open file of the host.
pub const FILES_MAX: usize = 64;
/// The most rules for sockets, and for names, of one actor: each is looked at for each connection.
pub const RULES_MAX: usize = 256;

/// All that an actor is granted; nothing unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Folders of the host, by where the actor sees them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<GuestPath, Folder>,
    /// The sockets that it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sockets: Vec<SocketRule>,
    /// The names whose addresses it may look up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameRule>,
}

/// A folder of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where it is on the host.
    pub from: HostPath,
    /// What may be done in it.
    #[serde(default)]
    pub mode: Mode,
}

/// What may be done in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reading.
    #[default]
    Read,
    /// Reading, writing, making and removing.
    ReadWrite,
}

impl Mode {
    /// The mode as a manifest has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Grants {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.sockets.is_empty() && self.names.is_empty()
    }
}

#[cfg(test)]
#[path = "grant_test.rs"]
mod tests;
