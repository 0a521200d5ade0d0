//! `host.list`: every host that was heard lately.

use std::time::Instant;

use lattice_protocol::control::Nothing;
use lattice_protocol::report::Report;
use serde::Serialize;

use crate::control::desk::Desk;
use crate::control::request::Answer;

/// A host, and how long ago it was heard by the host that answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::control) struct HostListed {
    #[serde(flatten)]
    report: Report,
    /// Since when it is silent.
    silent_ms: u64,
}

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<HostListed>> {
    let view = desk.peers.view();
    let listed = view
        .listed(Instant::now())
        .map(|(report, silence)| HostListed {
            report: report.clone(),
            silent_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
        });
    Ok(listed.collect())
}
