//! The short name of one state of an actor or a provider.
//!
//! Two hosts, or two versions of the program, must give the same state the same name; so it is a
//! hash of canonical JSON: keys sorted, links sorted, and only those limits that differ from their
//! default, so that a limit which a later version adds renames nothing.

use std::fmt;
use std::str::FromStr;

use lattice_protocol::control::ProviderSettings;
use lattice_protocol::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app::{ActorSpec, Link, ProviderSpec};

/// Digits of a revision: with 48 bits, a thousand revisions of one actor collide once in 500
/// million lattices.
pub const REVISION_LEN: usize = 12;

/// Names one state of an actor or a provider: twelve hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

/// The text is no revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("revision {0:?} is not valid: use twelve lower-case hex digits")]
pub struct Error(String);

impl Revision {
    /// The revision of an actor. Its number and place are no part of it: scaling is no update.
    pub fn of_actor(component: &Digest, spec: &ActorSpec) -> Self {
        let limits: Map<String, Value> = spec
            .limits
            .values()
            .filter(|(limit, value)| *value != limit.default)
            .map(|(limit, value)| (limit.name.to_owned(), value.into()))
            .collect();
        let mut state = json!({
            "component": component,
            "config": spec.config,
            "instance": spec.instance,
            "limits": limits,
            "links": sorted(&spec.links),
        });
        // What an actor need not have names nothing where it has none: older revisions stay.
        let later = [
            ("args", spec.args.is_empty(), json!(spec.args)),
            (
                "config_from",
                spec.config_from.is_empty(),
                json!(spec.config_from),
            ),
            ("env", spec.env.is_empty(), json!(spec.env)),
            ("grants", spec.grants.is_empty(), json!(spec.grants)),
        ];
        for (key, _, value) in later.into_iter().filter(|(_, empty, _)| !empty) {
            state[key] = value;
        }
        Self::of(&state)
    }

    /// The revision of a provider's settings.
    pub fn of_provider(spec: &ProviderSpec) -> Self {
        let mut state = json!({
            "config": spec.config,
            "env": spec.env,
            "routes": spec.routes,
            "runs": spec.runs,
        });
        if spec.inline {
            state["inline"] = json!(true);
        }
        Self::of(&state)
    }

    /// The revision of what is declared for a provider, links and all.
    pub(crate) fn of_settings(settings: &ProviderSettings) -> Self {
        Self::of(&json!(settings))
    }

    fn of(value: &Value) -> Self {
        let mut text = String::new();
        write_canonical(value, &mut text);
        Self(Digest::of(text.as_bytes()).short().to_owned())
    }

    /// The revision as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn sorted(links: &[Link]) -> Vec<&Link> {
    let mut links: Vec<_> = links.iter().collect();
    links.sort_by(|a, b| (&a.interface, &a.name).cmp(&(&b.interface, &b.name)));
    links
}

/// Writes JSON with sorted keys: a map keeps its own order under some builds of `serde_json`.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_canonical(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

impl FromStr for Revision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == REVISION_LEN && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error(text.chars().take(REVISION_LEN * 2).collect()))
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Revision {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

#[cfg(test)]
#[path = "revision_test.rs"]
mod tests;
