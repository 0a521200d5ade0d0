//! `ping`: this host answers.

use lattice_protocol::control::Nothing;
use lattice_protocol::id::HostId;
use serde::Serialize;

use crate::control::desk::Desk;
use crate::control::request::Answer;

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct Pong {
    /// This host.
    host: HostId,
}

pub(in crate::control) fn handle(desk: &Desk, _: Nothing) -> Answer<Pong> {
    Ok(Pong {
        host: desk.host.clone(),
    })
}
