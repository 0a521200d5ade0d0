//! `artifact.list`: every stored component.

use lattice_protocol::control::{ArtifactSummary, Nothing};

use crate::control::desk::Desk;
use crate::control::request::{Answer, artifact_problem};

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ArtifactSummary>> {
    desk.artifacts.list().await.map_err(artifact_problem)
}
