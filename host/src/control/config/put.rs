//! `config.put`: a named config is set, whole.

use lattice_client::StateError;
use lattice_config::state::{self, key};
use lattice_protocol::control::ConfigPut;

use super::{ATTEMPTS_MAX, Named, read};
use crate::control::desk::Desk;
use crate::control::request::{Answer, bad, conflict, internal, state_problem};

/// The largest config: it is held by every host that uses it, and fits in one message many times.
const CONFIG_BYTES_MAX: usize = 256 * 1024;

pub(in crate::control) async fn handle(desk: &Desk, request: ConfigPut) -> Answer<Named> {
    let ConfigPut { name, values } = request;
    let bytes = state::encode(&values).map_err(|error| internal(error.to_string()))?;
    if bytes.len() > CONFIG_BYTES_MAX {
        let size = bytes.len();
        return Err(bad(format!(
            "config {name} has {size} bytes, at most {CONFIG_BYTES_MAX} are taken"
        )));
    }
    for _ in 0..ATTEMPTS_MAX {
        let (revision, before) = read(desk, &name).await?;
        if before.as_ref() == Some(&values) {
            return Ok(Named {
                name,
                revision,
                values,
            });
        }
        match desk
            .state
            .put(&key::config(&name), bytes.clone().into(), revision)
            .await
        {
            Ok(revision) => {
                tracing::info!(target: "audit", verb = "config.put", config = %name, revision, "changed");
                return Ok(Named {
                    name,
                    revision,
                    values,
                });
            }
            Err(StateError::Conflict { .. }) => {}
            Err(error) => return Err(state_problem(error)),
        }
    }
    Err(conflict(format!(
        "others changed config {name} {ATTEMPTS_MAX} times meanwhile: try again"
    )))
}
