//! `artifact.delete`: a component that nothing declares is removed; one that is not there changes
//! nothing.

use lattice_protocol::control::{ArtifactDeleted, ByDigest};

use super::used_by;
use crate::control::desk::Desk;
use crate::control::request::{Answer, artifact_problem, conflict};

pub(in crate::control) async fn handle(desk: &Desk, request: ByDigest) -> Answer<ArtifactDeleted> {
    let digest = request.digest;
    if let Some(actor) = used_by(&desk.declared().await?, &digest) {
        return Err(conflict(format!(
            "component {digest} is declared by actor {actor}: update or stop it first"
        )));
    }
    let deleted = desk.artifacts.delete(&digest).await;
    let deleted = deleted.map_err(artifact_problem)?;
    if deleted {
        tracing::info!(target: "audit", verb = "artifact.delete", %digest, "changed");
    }
    Ok(ArtifactDeleted { digest, deleted })
}
