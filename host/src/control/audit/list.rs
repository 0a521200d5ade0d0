//! `audit.list`: who changed what, newest first.

use lattice_protocol::control::{AuditEntry, AuditList};

use crate::control::desk::Desk;
use crate::control::request::{Answer, unavailable};

pub(in crate::control) async fn handle(desk: &Desk, request: AuditList) -> Answer<Vec<AuditEntry>> {
    let listed = desk.client.audit_list(&request).await;
    listed.map_err(|error| unavailable(error.to_string()))
}
