//! `artifact.list`: every stored component, with what refers to it.

use lattice_client::StoredArtifact;
use lattice_protocol::control::{ArtifactSummary, Nothing};

use crate::control::desk::Desk;
use crate::control::request::{Answer, artifact_problem, state_problem};
use crate::reconcile::references::References;

pub(in crate::control) async fn handle(desk: &Desk, _: Nothing) -> Answer<Vec<ArtifactSummary>> {
    let stored = with_references(desk).await?;
    Ok(stored.into_iter().map(|stored| stored.summary).collect())
}

/// Every stored component, with its age and with what refers to it.
pub(super) async fn with_references(desk: &Desk) -> Answer<Vec<StoredArtifact>> {
    // The components first: what is declared meanwhile then counts.
    let mut stored = desk.artifacts.list().await.map_err(artifact_problem)?;
    let references = References::read(&desk.state).await.map_err(state_problem)?;
    for StoredArtifact { summary, .. } in &mut stored {
        summary.used_by = references.of(&summary.digest).to_vec();
    }
    Ok(stored)
}
