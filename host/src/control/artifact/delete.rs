//! `artifact.delete`: a component that nothing declares is removed; one that is not there changes
//! nothing.

use std::collections::BTreeSet;

use lattice_config::Declared;
use lattice_protocol::control::ByDigest;
use lattice_protocol::digest::Digest;
use lattice_protocol::id::ActorName;
use lattice_protocol::subject;
use serde::Serialize;

use crate::control::artifact::stored;
use crate::control::desk::Desk;
use crate::control::request::{Answer, conflict, unavailable};

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::control) struct Deleted {
    /// The component.
    digest: Digest,
    /// Whether it was there.
    deleted: bool,
}

pub(in crate::control) async fn handle(desk: &Desk, request: ByDigest) -> Answer<Deleted> {
    let digest = request.digest;
    if let Some(actor) = used_by(&desk.declared().await?, &digest) {
        return Err(conflict(format!(
            "component {digest} is declared by actor {actor}: update or stop it first"
        )));
    }
    let deleted = stored(desk, BTreeSet::from([&digest]))
        .await?
        .contains(&digest);
    if deleted {
        remove(desk, &digest).await?;
        tracing::info!(target: "audit", verb = "artifact.delete", %digest, "changed");
    }
    Ok(Deleted { digest, deleted })
}

async fn remove(desk: &Desk, digest: &Digest) -> Answer<()> {
    let failed = |error: &dyn std::fmt::Display| {
        unavailable(format!("failed to remove component {digest}: {error}"))
    };
    let bucket = subject::artifact_bucket(desk.client.lattice());
    let store = desk
        .client
        .jetstream()
        .get_object_store(&bucket)
        .await
        .map_err(|e| failed(&e))?;
    store.delete(digest.hex()).await.map_err(|e| failed(&e))
}

fn used_by<'a>(declared: &'a Declared, digest: &Digest) -> Option<&'a ActorName> {
    let mut actors = declared.apps.values().flat_map(|app| &app.value.actors);
    actors
        .find(|(_, actor)| actor.component.digest() == Some(digest))
        .map(|(name, _)| name)
}
