//! `host.list`: every host that was heard lately.

use std::time::Instant;

use lattice_protocol::control::{HostSummary, Nothing};

use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<HostSummary>> {
    let view = desk.peers.view();
    let listed = view
        .listed(Instant::now())
        .map(|(report, silence)| HostSummary {
            report: report.clone(),
            silent_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
        });
    Ok(listed.collect())
}
