//! An app written as a manifest again. Reading it gives the same app.

use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use crate::app::{Actor, App, Folder, Grants, InstanceMode, Limits, Link, Provider, Route, Runs};

impl App {
    /// The app as a manifest. TOML has no null: where a config has one, that key is left out.
    pub fn to_toml(&self) -> String {
        let mut table = Table::new();
        table.insert("name".into(), self.name.as_str().into());
        table.insert("version".into(), self.version.as_str().into());
        put(
            &mut table,
            "actor",
            self.actors
                .iter()
                .map(|(name, a)| (name.as_str(), actor(a))),
        );
        let providers = self.providers.iter();
        put(
            &mut table,
            "provider",
            providers.map(|(name, p)| (name.as_str(), provider(p))),
        );
        table.to_string()
    }
}

fn actor(actor: &Actor) -> Table {
    let mut table = Table::new();
    table.insert("component".into(), actor.component.to_string().into());
    table.insert("instances".into(), actor.instances.into());
    let mode = match actor.instance {
        InstanceMode::Fresh => "fresh".into(),
        InstanceMode::Reuse(calls) => Table::from_iter([("reuse".into(), calls.into())]).into(),
    };
    table.insert("instance".into(), mode);
    if let Some(label) = &actor.spread {
        table.insert("spread".into(), label.as_str().into());
    }
    if actor.daemon {
        table.insert("daemon".into(), true.into());
    }
    put(&mut table, "config", texts(&actor.config));
    let names = actor.config_from.iter().map(|name| name.as_str());
    put_list(&mut table, "config_from", names);
    put_list(&mut table, "args", actor.args.iter().map(String::as_str));
    put(&mut table, "env", texts(&actor.env));
    put(&mut table, "grant", grants(&actor.grants));
    put(&mut table, "require", texts(&actor.require));
    table.insert("limits".into(), limits(&actor.limits).into());
    put(&mut table, "link", links(&actor.links));
    table
}

fn grants(grants: &Grants) -> Table {
    let mut table = Table::new();
    let files = grants.files.iter();
    put(
        &mut table,
        "files",
        files.map(|(path, granted)| (path.as_str(), folder(granted))),
    );
    put_list(
        &mut table,
        "sockets",
        grants.sockets.iter().map(ToString::to_string),
    );
    put_list(
        &mut table,
        "names",
        grants.names.iter().map(ToString::to_string),
    );
    table
}

fn folder(folder: &Folder) -> Table {
    let from = ("from".to_owned(), folder.from.as_str().into());
    let mode = ("mode".to_owned(), folder.mode.as_str().into());
    Table::from_iter([from, mode])
}

fn limits(limits: &Limits) -> Table {
    // Every limit, not only what differs: the reader may have other defaults.
    let number = |value| i64::try_from(value).unwrap_or(i64::MAX);
    limits
        .values()
        .map(|(limit, value)| (limit.name.into(), number(value).into()))
        .collect()
}

/// Links by interface, then by name: also the default one is written under its name.
fn links(links: &[Link]) -> Table {
    let mut table = Table::new();
    for link in links {
        let names = table
            .entry(link.interface.as_str())
            .or_insert_with(|| Table::new().into());
        if let Value::Table(names) = names {
            names.insert(link.name.as_str().into(), link_table(link).into());
        }
    }
    table
}

fn link_table(link: &Link) -> Table {
    let config = link.config.iter();
    let mut table: Table = config
        .filter_map(|(key, value)| Some((key.clone(), toml(value)?)))
        .collect();
    table.insert("to".into(), link.to.as_str().into());
    if let Some(ms) = link.deadline_ms {
        table.insert(
            "deadline_ms".into(),
            i64::try_from(ms).unwrap_or(i64::MAX).into(),
        );
    }
    if link.idempotent {
        table.insert("idempotent".into(), true.into());
    }
    table
}

fn provider(provider: &Provider) -> Table {
    let mut table = Table::new();
    match &provider.runs {
        Runs::Kind(kind) => table.insert("kind".into(), kind.as_str().into()),
        Runs::Exec(words) => table.insert("exec".into(), words.clone().into()),
        Runs::External => table.insert("external".into(), true.into()),
    };
    if provider.inline {
        table.insert("inline".into(), true.into());
    }
    table.insert("copies".into(), provider.copies.into());
    put(&mut table, "config", object(&provider.config));
    put(&mut table, "env", texts(&provider.env));
    put(&mut table, "require", texts(&provider.require));
    if !provider.routes.is_empty() {
        let routes = provider.routes.iter().map(|r| Value::Table(route(r)));
        table.insert("route".into(), Value::Array(routes.collect()));
    }
    table
}

fn route(route: &Route) -> Table {
    let mut table = Table::new();
    if let Some(host) = &route.host {
        table.insert("host".into(), host.as_str().into());
    }
    table.insert("path".into(), route.path.as_str().into());
    table.insert("actor".into(), route.actor.as_str().into());
    table
}

/// Puts a table under a key, unless it would be empty.
fn put<K, V>(into: &mut Table, key: &str, entries: impl IntoIterator<Item = (K, V)>)
where
    K: Into<String>,
    V: Into<Value>,
{
    let table: Table = entries
        .into_iter()
        .map(|(k, v)| (k.into(), v.into()))
        .collect();
    if !table.is_empty() {
        into.insert(key.into(), table.into());
    }
}

/// Puts a list under a key, unless it would be empty.
fn put_list<V: Into<Value>>(into: &mut Table, key: &str, items: impl Iterator<Item = V>) {
    let list: Vec<Value> = items.map(Into::into).collect();
    if !list.is_empty() {
        into.insert(key.into(), list.into());
    }
}

fn texts(map: &std::collections::BTreeMap<String, String>) -> Table {
    map.iter()
        .map(|(key, text)| (key.clone(), text.as_str().into()))
        .collect()
}

fn object(map: &Map<String, Json>) -> Table {
    map.iter()
        .filter_map(|(key, value)| Some((key.clone(), toml(value)?)))
        .collect()
}

fn toml(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::Array(items.iter().filter_map(toml).collect()),
        Json::Object(map) => object(map).into(),
    })
}
