//! `stop` and `drain`: this host leaves the lattice. The answer says that it will.

use lattice_protocol::control::Nothing;
use lattice_protocol::id::HostId;
use serde::Serialize;

use crate::control::desk::{Desk, Leave};
use crate::control::request::Answer;

/// Who leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct Leaving {
    /// This host.
    host: HostId,
}

pub(in crate::control) fn stop(desk: &Desk, _: Nothing) -> Answer<Leaving> {
    leave(desk, "stop", Leave::Stop)
}

pub(in crate::control) fn drain(desk: &Desk, _: Nothing) -> Answer<Leaving> {
    leave(desk, "drain", Leave::Drain)
}

fn leave(desk: &Desk, verb: &str, how: Leave) -> Answer<Leaving> {
    tracing::info!(target: "audit", verb, host = %desk.host, "changed");
    desk.leave.send_replace(Some(how));
    Ok(Leaving {
        host: desk.host.clone(),
    })
}
