//! Which names an actor may look up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name that DNS knows.
const NAME_LEN_MAX: usize = 253;

/// A name, `*.` and a name for all below it, or `*` for every name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NameRule(String);

/// Why a text is no rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "name {0:?} is not valid: use a name such as db.internal, *.internal for all below it, or *"
)]
pub struct Error(String);

impl NameRule {
    /// Whether `name` may be looked up; capitals and a dot at its end make no difference.
    pub fn allows(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        match self.below() {
            Some(parent) => name
                .strip_suffix(parent)
                .is_some_and(|rest| parent.is_empty() || rest.ends_with('.') && rest.len() > 1),
            None => name == self.0,
        }
    }

    /// Whether everything that `other` allows is allowed.
    pub fn covers(&self, other: &Self) -> bool {
        match (self.below(), other.below()) {
            (None, _) => self == other,
            (Some(_), None) => self.allows(&other.0),
            (Some(parent), Some(of)) => parent == of || self.allows(of),
        }
    }

    /// What a rule with a star is about: everything below this.
    fn below(&self) -> Option<&str> {
        match self.0.strip_prefix('*')? {
            "" => Some(""),
            parent => parent.strip_prefix('.'),
        }
    }
}

impl FromStr for NameRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if lower == "*" || (name.len() <= NAME_LEN_MAX && name.split('.').all(is_label)) {
            Ok(Self(lower))
        } else {
            Err(Error(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for NameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for NameRule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<NameRule> for String {
    fn from(rule: NameRule) -> Self {
        rule.0
    }
}
