//! Components stored in the lattice.

pub(super) mod delete;
pub(super) mod list;

use std::collections::BTreeSet;

use lattice_protocol::digest::Digest;

use super::desk::Desk;
use super::request::{Answer, artifact_problem};

/// Which of the components are stored.
pub(super) async fn stored<'a>(
    desk: &Desk,
    wanted: BTreeSet<&'a Digest>,
) -> Answer<BTreeSet<&'a Digest>> {
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let list = desk.artifacts.list().await.map_err(artifact_problem)?;
    let stored: BTreeSet<_> = list.iter().map(|artifact| &artifact.digest).collect();
    Ok(wanted
        .into_iter()
        .filter(|digest| stored.contains(digest))
        .collect())
}
