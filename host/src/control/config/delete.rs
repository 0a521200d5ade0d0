//! `config.delete`: a named config is removed; one that is not there changes nothing.

use lattice_client::StateError;
use lattice_config::state::{Config, key};
use lattice_protocol::control::ByConfig;

use super::{ATTEMPTS_MAX, Named, read};
use crate::control::desk::Desk;
use crate::control::request::{Answer, conflict, state_problem};

pub(in crate::control) async fn handle(desk: &Desk, request: ByConfig) -> Answer<Named> {
    let name = request.name;
    for _ in 0..ATTEMPTS_MAX {
        let (revision, values) = read(desk, &name).await?;
        if values.is_none() {
            return Ok(Named {
                name,
                revision: 0,
                values: Config::new(),
            });
        }
        match desk.state.delete(&key::config(&name), revision).await {
            Ok(()) => {
                tracing::info!(target: "audit", verb = "config.delete", config = %name, "changed");
                return Ok(Named {
                    name,
                    revision: 0,
                    values: Config::new(),
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
