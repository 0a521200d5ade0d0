//! `config.get`: a named config.

use lattice_protocol::control::{ByConfig, NamedConfig};

use super::{named, read};
use crate::control::desk::Desk;
use crate::control::request::{Answer, not_found};

pub(in crate::control) async fn handle(desk: &Desk, request: ByConfig) -> Answer<NamedConfig> {
    match read(desk, &request.name).await? {
        (revision, values @ Some(_)) => Ok(named(request.name, revision, values)),
        (_, None) => Err(not_found(format!("no config {} is set", request.name))),
    }
}
