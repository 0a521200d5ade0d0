//! Named configs: `config.<name>` in the state.

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod put;

use lattice_client::{StateEntry, StateError};
use lattice_config::state::{self, Config, key};
use lattice_protocol::control::NamedConfig;
use lattice_protocol::id::AppName;

use super::commit::ATTEMPTS_MAX;
use super::desk::Desk;
use super::request::{Answer, bad, conflict, internal, state_problem};

/// The largest config: it is held by every host that uses it, and fits in one message many times.
const CONFIG_BYTES_MAX: usize = 256 * 1024;

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

/// Brings a config to what it is to be, or removes it, and tries again when somebody else was first.
async fn change(
    desk: &Desk,
    verb: &'static str,
    name: AppName,
    after: Option<Config>,
    if_revision: Option<u64>,
) -> Answer<NamedConfig> {
    let bytes = after.as_ref().map(|values| encode(&name, values));
    let bytes = bytes.transpose()?;
    for _ in 0..ATTEMPTS_MAX {
        let (revision, before) = read(desk, &name).await?;
        check_revision(&name, revision, if_revision)?;
        if before == after {
            return Ok(named(name, revision, after));
        }
        match write(desk, &name, bytes.as_deref(), revision).await {
            Ok(revision) => {
                tracing::info!(target: "audit", verb, config = %name, revision, "changed");
                return Ok(named(name, revision, after));
            }
            Err(StateError::Conflict { .. }) => {}
            Err(error) => return Err(state_problem(error)),
        }
    }
    Err(conflict(format!(
        "others changed config {name} {ATTEMPTS_MAX} times meanwhile: try again"
    )))
}

fn check_revision(name: &AppName, revision: u64, wanted: Option<u64>) -> Answer<()> {
    match wanted {
        Some(wanted) if wanted != revision => Err(conflict(format!(
            "config {name} is at revision {revision}, not {wanted}: look at what changed, then try \
             again with if_revision {revision}"
        ))),
        _ => Ok(()),
    }
}

fn encode(name: &AppName, values: &Config) -> Answer<Vec<u8>> {
    let bytes = state::encode(values).map_err(|error| internal(error.to_string()))?;
    if bytes.len() > CONFIG_BYTES_MAX {
        let size = bytes.len();
        return Err(bad(format!(
            "config {name} has {size} bytes, at most {CONFIG_BYTES_MAX} are taken"
        )));
    }
    Ok(bytes)
}

/// Writes it, or removes it: its revision is then 0.
async fn write(
    desk: &Desk,
    name: &AppName,
    bytes: Option<&[u8]>,
    revision: u64,
) -> Result<u64, StateError> {
    let key = key::config(name);
    match bytes {
        Some(bytes) => desk.state.put(&key, bytes.to_vec().into(), revision).await,
        None => desk.state.delete(&key, revision).await.map(|()| 0),
    }
}

fn named(name: AppName, revision: u64, values: Option<Config>) -> NamedConfig {
    NamedConfig {
        name,
        revision,
        values: values.unwrap_or_default(),
    }
}
