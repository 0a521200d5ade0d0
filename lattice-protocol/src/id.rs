//! Names and identifiers: each a newtype that can only be built valid.
//!
//! They appear inside NATS subjects, so a name that is not checked here could reach another
//! lattice's subjects (`a.>`). Hence no `From<String>`, and serde goes through the same check.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use uuid::Uuid;

/// The longest name: fits a DNS label, so a name can also be a host name.
pub const NAME_LEN_MAX: usize = 63;

/// Why a text is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct Error {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl Error {
    pub(crate) fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        // What is shown comes from outside: cut it, so that an error stays one line.
        let text = text.chars().take(NAME_LEN_MAX + 1).collect();
        Self { what, text, rule }
    }
}

/// Whether `text` is a name: 1 to 63 of `a-z`, `0-9` and `-`.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Implements text in, text out and serde for a newtype over [`SmolStr`] with a `check` function.
macro_rules! text_id {
    ($name:ident, $what:literal, $check:expr, $rule:literal) => {
        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                if $check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(Error::new($what, text, $rule))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_id;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        text_id!($name, $what, is_name, "use 1 to 63 of a-z, 0-9 and -");
    };
}

name!(
    /// One lattice: a namespace on one NATS system.
    LatticeId,
    "lattice name"
);
name!(
    /// A named component plus its settings.
    ActorName,
    "actor name"
);
name!(
    /// A named process that answers interfaces.
    ProviderName,
    "provider name"
);
name!(
    /// Who answers a call: an actor or a provider, which share one namespace.
    TargetName,
    "target name"
);
name!(
    /// An app: what one manifest declares.
    AppName,
    "app name"
);
name!(
    /// One of several links of an actor for the same interface.
    LinkName,
    "link name"
);
name!(
    /// A process that runs actors.
    HostId,
    "host id"
);

name!(
    /// One process of a provider: named by the host that starts it, so that it can be asked apart from
    /// the others of its name.
    ProcessId,
    "process id"
);

/// A NATS server, by the id that it gives itself: it becomes a part of a subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(SmolStr);

text_id!(
    ServerId,
    "NATS server id",
    is_server_id,
    "use 1 to 64 of A-Z and 0-9"
);

fn is_server_id(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (1..=64).contains(&text.len()) && text.bytes().all(is_word)
}

/// What is stored in an object store at once: the `nuid` of its object. Whoever stores it makes it up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BytesId(SmolStr);

text_id!(
    BytesId,
    "id of stored bytes",
    is_bytes_id,
    "use 1 to 64 of A-Z, a-z, 0-9 and -"
);

// A wildcard would reach the bytes of all others.
fn is_bytes_id(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_word)
}

impl Default for LatticeId {
    fn default() -> Self {
        Self(SmolStr::new_static("default"))
    }
}

impl Default for LinkName {
    fn default() -> Self {
        Self(SmolStr::new_static("default"))
    }
}

impl From<ActorName> for TargetName {
    fn from(name: ActorName) -> Self {
        Self(name.0)
    }
}

impl From<ProviderName> for TargetName {
    fn from(name: ProviderName) -> Self {
        Self(name.0)
    }
}

impl From<&ActorName> for TargetName {
    fn from(name: &ActorName) -> Self {
        Self(name.0.clone())
    }
}

impl From<&ProviderName> for TargetName {
    fn from(name: &ProviderName) -> Self {
        Self(name.0.clone())
    }
}

impl HostId {
    /// A new id, unlike any other: twelve hex digits, short enough to type.
    pub fn random() -> Self {
        Self(random())
    }
}

impl ProcessId {
    /// A new id, unlike any other: twelve hex digits.
    pub fn random() -> Self {
        Self(random())
    }
}

impl BytesId {
    /// A new id, unlike any other.
    pub fn random() -> Self {
        Self(Uuid::now_v7().simple().to_string().into())
    }
}

fn random() -> SmolStr {
    let text = Uuid::now_v7().simple().to_string();
    // The tail of a v7 uuid is its random part; its head is the clock.
    text[text.len() - 12..].into()
}

/// One call over its whole life: a retry carries the id of the first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(Uuid);

impl CallId {
    /// A new id; ids made later sort later.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for CallId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for CallId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| Error::new("call id", text, "use a uuid"))
    }
}

#[cfg(test)]
#[path = "id_test.rs"]
mod tests;
