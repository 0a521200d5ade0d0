//! `artifact.collect`: components that nothing refers to are removed, once they are old enough.

use std::time::Duration;

use lattice_client::StoredArtifact;
use lattice_protocol::control::{ArtifactCollect, ArtifactSummary, ArtifactsCollected};

use super::{list, used_by};
use crate::control::desk::Desk;
use crate::control::request::{Answer, artifact_problem};
use crate::reconcile::collector::GRACE_DEFAULT;

pub(in crate::control) async fn handle(
    desk: &Desk,
    request: ArtifactCollect,
) -> Answer<ArtifactsCollected> {
    let grace = request.grace_s.map_or(GRACE_DEFAULT, Duration::from_secs);
    let stored = list::with_references(desk).await?;
    let (gone, kept): (Vec<_>, Vec<_>) = stored
        .into_iter()
        .partition(|stored| is_garbage(stored, grace));
    let mut answer = ArtifactsCollected {
        removed: Vec::new(),
        kept: kept.len() as u64,
    };
    for StoredArtifact {
        summary: artifact, ..
    } in gone
    {
        if request.dry_run || remove(desk, &artifact, grace).await? {
            answer.removed.push(artifact);
        } else {
            answer.kept += 1;
        }
    }
    if !request.dry_run && !answer.removed.is_empty() {
        let count = answer.removed.len();
        tracing::info!(target: "audit", verb = "artifact.collect", count, "changed");
    }
    Ok(answer)
}

/// Looks once more whether it was declared or pushed again meanwhile.
async fn remove(desk: &Desk, artifact: &ArtifactSummary, grace: Duration) -> Answer<bool> {
    if used_by(&desk.declared().await?, &artifact.digest).is_some() {
        return Ok(false);
    }
    let removed = desk.artifacts.delete_older(&artifact.digest, grace).await;
    removed.map_err(artifact_problem)
}

/// One whose age is not known stays.
fn is_garbage(stored: &StoredArtifact, grace: Duration) -> bool {
    stored.summary.used_by.is_empty() && stored.age.is_some_and(|age| age >= grace)
}

#[cfg(test)]
mod tests {
    use lattice_protocol::digest::Digest;

    use super::*;

    #[test]
    fn only_what_is_old_and_unused_is_garbage() {
        let stored = |age: Option<u64>, used_by: &[&str]| StoredArtifact {
            summary: ArtifactSummary {
                digest: Digest::of(b"x"),
                bytes: 1,
                stored: String::new(),
                used_by: used_by.iter().map(|by| (*by).to_owned()).collect(),
            },
            age: age.map(Duration::from_secs),
        };
        let is_garbage = |stored| is_garbage(&stored, Duration::from_secs(60));
        assert!(is_garbage(stored(Some(60), &[])));
        assert!(!is_garbage(stored(Some(59), &[])));
        assert!(!is_garbage(stored(Some(600), &["actor a"])));
        assert!(!is_garbage(stored(None, &[])), "its age is not known");
    }
}
