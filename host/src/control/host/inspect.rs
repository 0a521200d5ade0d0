//! `inspect`: what can be called of an actor that runs on this host.

use lattice_protocol::control::{ActorDetail, ByActor};

use crate::control::desk::Desk;
use crate::control::request::{Answer, not_found};

pub(in crate::control) fn handle(desk: &Desk, request: &ByActor) -> Answer<ActorDetail> {
    desk.actors.inspect(&request.name).ok_or_else(|| {
        not_found(format!(
            "actor {} does not run on host {}",
            request.name, desk.host
        ))
    })
}
