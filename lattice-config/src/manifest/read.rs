//! The manifest's tables, key by key, and what they mean.

use std::collections::BTreeMap;
use std::fmt;

use lattice_protocol::id::{ActorName, AppName, ProviderName};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::grant::GrantTable;
use super::link::Links;
use super::value::{Table, Text};
use crate::app::actor::{INSTANCES_DEFAULT, REUSE_DEFAULT};
use crate::app::limits::StrictLimits;
use crate::app::{Actor, App, ComponentRef, InstanceMode, Provider, Route, Runs};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    name: AppName,
    #[serde(default)]
    version: String,
    #[serde(default)]
    actor: BTreeMap<ActorName, ActorTable>,
    #[serde(default)]
    provider: BTreeMap<ProviderName, ProviderTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorTable {
    component: ComponentRef,
    build: Option<String>,
    #[serde(default = "instances")]
    instances: u32,
    #[serde(default)]
    instance: Mode,
    #[serde(default)]
    config: BTreeMap<String, Text>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, Text>,
    #[serde(default)]
    config_from: Vec<AppName>,
    #[serde(default)]
    grant: GrantTable,
    #[serde(default)]
    limits: StrictLimits,
    #[serde(default)]
    link: Links,
    #[serde(default)]
    require: BTreeMap<String, Text>,
    spread: Option<String>,
    #[serde(default)]
    daemon: bool,
}

fn instances() -> u32 {
    INSTANCES_DEFAULT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFields {
    kind: Option<String>,
    exec: Option<Vec<String>>,
    external: Option<bool>,
    #[serde(default)]
    inline: bool,
    #[serde(default)]
    config: Table,
    #[serde(default)]
    route: Vec<RouteTable>,
    #[serde(default = "copies")]
    copies: u32,
    #[serde(default)]
    env: BTreeMap<String, Text>,
    #[serde(default)]
    require: BTreeMap<String, Text>,
}

fn copies() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    host: Option<String>,
    path: String,
    actor: ActorName,
}

/// A provider's table once it is known what it runs.
#[derive(Deserialize)]
#[serde(try_from = "ProviderFields")]
struct ProviderTable(Provider);

impl TryFrom<ProviderFields> for ProviderTable {
    type Error = &'static str;

    fn try_from(fields: ProviderFields) -> Result<Self, Self::Error> {
        let runs = match (fields.kind, fields.exec, fields.external) {
            (Some(kind), None, None) => Runs::Kind(kind),
            (None, Some(exec), None) => Runs::Exec(exec),
            (None, None, Some(true)) => Runs::External,
            (None, None, Some(false)) => {
                return Err("`external = false` says nothing: leave it out");
            }
            _ => return Err("a provider needs one of `kind`, `exec` and `external = true`"),
        };
        Ok(Self(Provider {
            runs,
            inline: fields.inline,
            config: fields.config.0,
            routes: fields.route.into_iter().map(Route::from).collect(),
            copies: fields.copies,
            env: texts(fields.env),
            require: texts(fields.require),
        }))
    }
}

impl From<RouteTable> for Route {
    fn from(route: RouteTable) -> Self {
        Self {
            host: route.host,
            path: route.path,
            actor: route.actor,
        }
    }
}

impl From<ActorTable> for Actor {
    fn from(table: ActorTable) -> Self {
        Self {
            component: table.component,
            instances: table.instances,
            instance: table.instance.0,
            config: texts(table.config),
            args: table.args,
            env: texts(table.env),
            config_from: table.config_from,
            grants: table.grant.into(),
            limits: table.limits.into(),
            links: table.link.into(),
            require: texts(table.require),
            spread: table.spread,
            daemon: table.daemon,
        }
    }
}

impl From<Manifest> for super::Manifest {
    fn from(read: Manifest) -> Self {
        let mut app = App::new(read.name, read.version);
        let mut builds = BTreeMap::new();
        for (name, mut table) in read.actor {
            if let Some(build) = table.build.take() {
                builds.insert(name.clone(), build);
            }
            app.actors.insert(name, table.into());
        }
        let providers = read.provider.into_iter();
        app.providers = providers.map(|(name, table)| (name, table.0)).collect();
        Self { app, builds }
    }
}

fn texts(map: BTreeMap<String, Text>) -> BTreeMap<String, String> {
    map.into_iter().map(|(key, text)| (key, text.0)).collect()
}

/// `"fresh"`, `"reuse"` or `{ reuse = N }`.
#[derive(Default)]
struct Mode(InstanceMode);

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ModeVisitor).map(Mode)
    }
}

struct ModeVisitor;

impl<'de> Visitor<'de> for ModeVisitor {
    type Value = InstanceMode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#""fresh", "reuse" or { reuse = N }"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<InstanceMode, E> {
        match text {
            "fresh" => Ok(InstanceMode::Fresh),
            "reuse" => Ok(InstanceMode::Reuse(REUSE_DEFAULT)),
            other => Err(E::unknown_variant(other, &["fresh", "reuse"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InstanceMode, A::Error> {
        let mut calls = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "reuse" => calls = Some(map.next_value()?),
                other => return Err(de::Error::unknown_field(other, &["reuse"])),
            }
        }
        calls
            .map(InstanceMode::Reuse)
            .ok_or_else(|| de::Error::missing_field("reuse"))
    }
}
