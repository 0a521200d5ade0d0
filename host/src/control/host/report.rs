//! `report`: the next heartbeat says all that runs on this host. Whoever missed something asks.

use lattice_protocol::control::{HostAnswer, Nothing};

use super::ping;
use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) fn handle(desk: &Desk, _: Nothing) -> Answer<HostAnswer> {
    desk.reporter.ask();
    ping::handle(desk, Nothing {})
}
