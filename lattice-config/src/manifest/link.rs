//! An actor's `link` tables.
//!
//! ```toml
//! [actor.counter.link."wasi:keyvalue"]        # the link of the default name
//! to = "kv"
//! bucket = "counts"                           # all but to, deadline_ms, idempotent is its config
//!
//! [actor.counter.link."wasi:keyvalue".cache]  # a link named `cache`
//! to = "redis"
//! ```
//!
//! A table inside a link's table is a named link if it has a `to`, else it is config; a link's
//! table without a `to` of its own holds nothing but named links.

use std::collections::BTreeMap;
use std::fmt;

use lattice_protocol::id::{LinkName, TargetName};
use lattice_protocol::interface::InterfacePattern;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::value::Any;
use crate::app::Link;

const NO_TARGET: &str =
    "a link needs `to`, the name of the actor or provider that answers: write `to = \"…\"`";

/// All links of an actor, by interface.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Links(BTreeMap<InterfacePattern, LinkTable>);

impl From<Links> for Vec<Link> {
    fn from(links: Links) -> Self {
        let bind = |(interface, table): (InterfacePattern, LinkTable)| {
            table
                .0
                .into_iter()
                .map(move |(name, rest)| rest.bind(interface.clone(), name))
        };
        links.0.into_iter().flat_map(bind).collect()
    }
}

/// The links of one interface, by name; a list, as `default` may be written twice.
struct LinkTable(Vec<(LinkName, Rest)>);

/// What a link has besides its interface and its name.
struct Rest {
    to: TargetName,
    config: BTreeMap<String, Value>,
    deadline_ms: Option<u64>,
    idempotent: bool,
}

impl Rest {
    fn bind(self, interface: InterfacePattern, name: LinkName) -> Link {
        Link {
            interface,
            name,
            to: self.to,
            config: self.config,
            deadline_ms: self.deadline_ms,
            idempotent: self.idempotent,
        }
    }
}

impl<'de> Deserialize<'de> for LinkTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LinkVisitor)
    }
}

struct LinkVisitor;

impl<'de> Visitor<'de> for LinkVisitor {
    type Value = LinkTable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with `to`, the name of the actor or provider that answers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LinkTable, A::Error> {
        let mut fields = Fields::default();
        let mut named = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            // The keys that have a type are read as such, so that an error points at their value.
            match key.as_str() {
                "to" => fields.to = Some(map.next_value()?),
                "deadline_ms" => fields.deadline_ms = Some(map.next_value()?),
                "idempotent" => fields.idempotent = map.next_value()?,
                _ => match map.next_value::<Any>()?.0 {
                    Value::Object(table) if table.contains_key("to") => {
                        named.push(named_link(&key, table).map_err(de::Error::custom)?);
                    }
                    value => drop(fields.config.insert(key, value)),
                },
            }
        }
        if fields.is_empty() && !named.is_empty() {
            return Ok(LinkTable(named));
        }
        named.push((
            LinkName::default(),
            fields.link().map_err(de::Error::custom)?,
        ));
        named.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(LinkTable(named))
    }
}

#[derive(Default)]
struct Fields {
    to: Option<TargetName>,
    config: BTreeMap<String, Value>,
    deadline_ms: Option<u64>,
    idempotent: bool,
}

impl Fields {
    fn is_empty(&self) -> bool {
        self.to.is_none()
            && self.config.is_empty()
            && self.deadline_ms.is_none()
            && !self.idempotent
    }

    fn link(self) -> Result<Rest, &'static str> {
        Ok(Rest {
            to: self.to.ok_or(NO_TARGET)?,
            config: self.config,
            deadline_ms: self.deadline_ms,
            idempotent: self.idempotent,
        })
    }
}

/// A link from the table under its name.
fn named_link(name: &str, table: Map<String, Value>) -> Result<(LinkName, Rest), String> {
    let say = |what: &dyn fmt::Display| format!("link {name:?}: {what}");
    let link_name: LinkName = name.parse().map_err(|error| say(&error))?;
    let mut fields = Fields::default();
    for (key, value) in table {
        match key.as_str() {
            "to" => fields.to = Some(typed(&key, value).map_err(|error| say(&error))?),
            "deadline_ms" => {
                fields.deadline_ms = Some(typed(&key, value).map_err(|error| say(&error))?);
            }
            "idempotent" => fields.idempotent = typed(&key, value).map_err(|error| say(&error))?,
            _ => drop(fields.config.insert(key, value)),
        }
    }
    Ok((link_name, fields.link()?))
}

fn typed<T: de::DeserializeOwned>(key: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("`{key}`: {error}"))
}
