//! `config.put`: a named config is set, whole.

use lattice_protocol::control::{ConfigPut, NamedConfig};

use super::change;
use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, request: ConfigPut) -> Answer<NamedConfig> {
    change(
        desk,
        "config.put",
        request.name,
        Some(request.values),
        request.if_revision,
    )
    .await
}
