//! Named configs: `config.<name>` in the state.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod put;

use lattice_client::StateEntry;
use lattice_config::state::{self, Config, key};
use lattice_protocol::id::AppName;
use serde::Serialize;

use super::desk::Desk;
use super::request::{Answer, internal, state_problem};

/// How often a write is tried again because somebody else was first.
const ATTEMPTS_MAX: u32 = 32;

/// A named config, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    /// The config.
    name: AppName,
    /// Its revision; 0 when it is not there.
    revision: u64,
    /// Its values.
    values: Config,
}

/// A config as it stands: the revision that a write must name, and the values if it is there.
async fn read(desk: &Desk, name: &AppName) -> Answer<(u64, Option<Config>)> {
    let entry = desk
        .state
        .get(&key::config(name))
        .await
        .map_err(state_problem)?;
    let Some(StateEntry {
        revision,
        value: Some(value),
        ..
    }) = entry
    else {
        return Ok((0, None));
    };
    let values = state::decode(&value)
        .map_err(|error| internal(format!("config {name} can't be read: {error}")))?;
    Ok((revision, Some(values)))
}
