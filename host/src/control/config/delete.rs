//! `config.delete`: a named config is removed; one that is not there changes nothing.

use lattice_protocol::control::{ByConfig, NamedConfig};

use super::change;
use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ByConfig) -> Answer<NamedConfig> {
    change(
        desk,
        "config.delete",
        request.name,
        None,
        request.if_revision,
    )
    .await
}
