//! Components stored in the lattice.

pub(super) mod collect;
pub(super) mod delete;
pub(super) mod list;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lattice_client::{ArtifactError, Artifacts};
use lattice_config::Declared;
use lattice_protocol::digest::Digest;
use lattice_protocol::id::ActorName;

use super::request::{Answer, artifact_problem};

/// How many components are looked for at once: an app has a few, and the store answers each in one
/// round trip.
const LOOKS_MAX: usize = 32;

/// Which of the components are not stored, in order.
pub(super) async fn missing(
    artifacts: &Artifacts,
    wanted: impl IntoIterator<Item = &Digest>,
) -> Answer<Vec<Digest>> {
    let looks = wanted
        .into_iter()
        .cloned()
        .map(|digest| look(artifacts, digest));
    let missing: Vec<_> = stream::iter(looks)
        .buffered(LOOKS_MAX)
        .try_collect()
        .await
        .map_err(artifact_problem)?;
    Ok(missing.into_iter().flatten().collect())
}

async fn look(artifacts: &Artifacts, digest: Digest) -> Result<Option<Digest>, ArtifactError> {
    Ok(match artifacts.size(&digest).await? {
        Some(_) => None,
        None => Some(digest),
    })
}

/// An actor that declares the component.
fn used_by<'a>(declared: &'a Declared, digest: &Digest) -> Option<&'a ActorName> {
    let mut actors = declared.apps.values().flat_map(|app| &app.value.actors);
    actors
        .find(|(_, actor)| actor.component.digest() == Some(digest))
        .map(|(name, _)| name)
}
