//! `inventory`: what runs on this host, whole.

use lattice_protocol::control::Nothing;
use lattice_protocol::report::Report;

use crate::control::desk::Desk;
use crate::control::request::Answer;

pub(in crate::control) fn handle(desk: &Desk, _: Nothing) -> Answer<Report> {
    Ok(desk.reporter.report())
}
