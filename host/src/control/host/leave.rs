//! `stop` and `drain`: this host leaves the lattice. The answer says that it will.

use lattice_protocol::control::{HostAnswer, Nothing};

use super::ping;
use crate::control::desk::{Desk, Leave};
use crate::control::request::Answer;

pub(in crate::control) fn stop(desk: &Desk, _: Nothing) -> Answer<HostAnswer> {
    leave(desk, "stop", Leave::Stop)
}

pub(in crate::control) fn drain(desk: &Desk, _: Nothing) -> Answer<HostAnswer> {
    leave(desk, "drain", Leave::Drain)
}

fn leave(desk: &Desk, verb: &str, how: Leave) -> Answer<HostAnswer> {
    tracing::info!(target: "audit", verb, host = %desk.host, "changed");
    // A stop is never taken back by a drain that comes after it.
    desk.leave.send_if_modified(|leave| {
        let changes = *leave != Some(how) && *leave != Some(Leave::Stop);
        if changes {
            *leave = Some(how);
        }
        changes
    });
    ping::handle(desk, Nothing {})
}
