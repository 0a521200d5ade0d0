//! `label`: labels of this host are set, or removed by `null`: `{"labels":{"zone":"b","gpu":null}}`.

use lattice_protocol::control::{HostLabel, HostLabels};

use crate::control::desk::Desk;
use crate::control::request::{Answer, bad, internal};
use crate::labels::Error;

pub(in crate::control) async fn handle(desk: &Desk, request: HostLabel) -> Answer<HostLabels> {
    let labels = desk.reporter.label(request.labels).await;
    let labels = labels.map_err(|error| match error {
        Error::Refused(error) => bad(error.to_string()),
        Error::Kept(_) => internal(error.to_string()),
    })?;
    tracing::info!(target: "audit", verb = "label", host = %desk.host, ?labels, "changed");
    Ok(HostLabels { labels })
}
