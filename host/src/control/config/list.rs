//! `config.list`: every named config, with its keys.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lattice_config::state::{Key, key};
use lattice_protocol::control::{ConfigSummary, Nothing};
use lattice_protocol::id::AppName;

use super::read;
use crate::control::desk::Desk;
use crate::control::request::{Answer, state_problem};

/// How many configs are read at once: enough to hide the way to the store.
const READS_MAX: usize = 16;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ConfigSummary>> {
    let keys = desk.state.keys(key::CONFIGS).await.map_err(state_problem)?;
    let names: Vec<_> = keys.into_iter().filter_map(config_name).collect();
    let looks = names.into_iter().map(|name| summary(desk, name));
    let found = stream::iter(looks).buffer_unordered(READS_MAX);
    let found: Vec<_> = found.try_collect().await?;
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn config_name(key: String) -> Option<AppName> {
    match Key::read(&key) {
        Some(Key::Config(name)) => Some(name),
        _ => None,
    }
}

/// None of one that was removed.
async fn summary(desk: &Desk, name: AppName) -> Answer<Option<ConfigSummary>> {
    let (revision, values) = read(desk, &name).await?;
    Ok(values.map(|values| ConfigSummary {
        name,
        revision,
        keys: values.into_keys().collect(),
    }))
}
