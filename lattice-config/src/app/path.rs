//! Paths of folders that are granted: where they are, and where the actor sees them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest path: as long as one may be on Linux.
pub const PATH_LEN_MAX: usize = 4096;

/// Why a text is no path of a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} is not valid: use an absolute path without `.`, `..`, `//` and NUL{more}")]
pub struct Error {
    path: String,
    more: &'static str,
}

/// Declares a path that can only be built absolute and plain.
macro_rules! path {
    ($(#[$doc:meta])* $name:ident, $more:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The path as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                plain(text).map(Self).ok_or_else(|| Error {
                    path: text.chars().take(64).collect(),
                    more: $more,
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(path: $name) -> Self {
                path.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

path! {
    /// Where an actor sees a folder.
    GuestPath, ", as the actor is to see it"
}

path! {
    /// Where a folder is on a host.
    HostPath, ", as it is on the host"
}

/// The path without a slash at its end, if it leads from the root straight down.
fn plain(text: &str) -> Option<String> {
    if text == "/" {
        return Some(text.to_owned());
    }
    let inner = text.strip_prefix('/')?;
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let straight = inner
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains(char::is_control));
    (straight && text.len() <= PATH_LEN_MAX).then(|| format!("/{inner}"))
}
