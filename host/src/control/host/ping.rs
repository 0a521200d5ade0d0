//! `ping`: this host answers.

use lattice_protocol::control::{HostAnswer, Nothing};

use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) fn handle(desk: &Desk, _: Nothing) -> Answer<HostAnswer> {
    Ok(HostAnswer {
        host: desk.host.clone(),
    })
}
