//! Components that nothing needs any more, and bytes that no component has, are removed by whoever leads:
//! [`Garbage`] and [`Orphans`], carried out.

use std::time::{Duration, Instant};

use lattice_client::{ArtifactError, Artifacts, Client, StateError, Swept};
use lattice_protocol::digest::Digest;
use tokio_util::sync::CancellationToken;

use super::election::Tenure;
use super::garbage::Garbage;
use super::orphans::Orphans;
use super::references::References;

/// How long a component stays that nothing refers to, unless it is said: a day in which a state that was
/// restored too old can be put right.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest: a push of what is there already says so once it is a second old, and must be in time.
pub const GRACE_S_MIN: u64 = 2;
/// How often is looked within that time, within two bounds: all of the state is read each time.
const LOOKS: u32 = 24;
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(60 * 60);

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
}

/// Removes components; clones share the connection.
#[derive(Clone)]
pub struct Collector {
    client: Client,
    artifacts: Artifacts,
    grace: Duration,
}

impl Collector {
    /// A collector that leaves what was needed within `grace`.
    pub fn new(client: Client, artifacts: Artifacts, grace: Duration) -> Self {
        Self {
            client,
            artifacts,
            grace,
        }
    }

    /// Looks and removes until `stop`, as long as the lease is held.
    pub(super) async fn run(self, tenure: Tenure, stop: CancellationToken) {
        let every = (self.grace / LOOKS).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
        let mut garbage = Garbage::new(self.grace);
        let mut orphans = Orphans::new(self.grace);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(error) = self.look(&mut garbage, &tenure).await {
                tracing::warn!(%error, "unused components are not looked for");
                garbage.forget();
            }
            if let Err(error) = self.sweep(&mut orphans, &tenure).await {
                tracing::warn!(%error, "bytes that no component has are not looked for");
                orphans.forget();
            }
        }
    }

    async fn look(&self, garbage: &mut Garbage, tenure: &Tenure) -> Result<(), Error> {
        // The components first: what is declared meanwhile then counts.
        let stored = self.artifacts.list().await?;
        let state = self.client.state().await?;
        let references = References::read_whole(&state).await?;
        for digest in garbage.look(&stored, &references, Instant::now()) {
            // Once more, as reading all took a while, and so did those before it.
            let is_used = References::declared(&state).await?.refers_to(&digest);
            if !is_used && holds(tenure) {
                self.remove(&digest).await?;
            }
        }
        Ok(())
    }

    async fn sweep(&self, orphans: &mut Orphans, tenure: &Tenure) -> Result<(), ArtifactError> {
        let unnamed = self.artifacts.records().unnamed().await?;
        for id in orphans.look(unnamed, Instant::now()) {
            if !holds(tenure) {
                return Ok(());
            }
            match self.artifacts.sweep(&id).await? {
                Swept::Removed => {
                    tracing::info!(%id, grace = ?self.grace, "removed bytes that no component has");
                }
                Swept::Foreign => orphans.leave(id),
                Swept::Named => {}
            }
        }
        Ok(())
    }

    async fn remove(&self, digest: &Digest) -> Result<(), ArtifactError> {
        // Somebody may have pushed it again since it was listed.
        if self.artifacts.delete_older(digest, self.grace).await? {
            tracing::info!(target: "audit", %digest, grace = ?self.grace, "removed: nothing refers to it");
        }
        Ok(())
    }
}

fn holds(tenure: &Tenure) -> bool {
    tenure.until().is_some_and(|until| Instant::now() < until)
}
