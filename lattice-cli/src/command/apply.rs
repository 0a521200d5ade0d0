//! `lattice apply`.

use std::path::PathBuf;

use lattice_protocol::control::{AppApply, Applied, Verb};

use super::app::Outcome;
use crate::build;
use crate::connection::Connection;
use crate::project::Project;
use crate::ui::Progress;

/// Declare an app: push the components that its manifest names, send the manifest with their
/// digests, and wait until all of it runs.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// Manifest, or a folder that has a lattice.toml.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    path: PathBuf,

    /// Build the components first.
    #[arg(long)]
    build: bool,

    /// Only if the app is still at this revision; 0: only if there is none yet.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Apply {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let progress = Progress::new();
        let project = Project::open(&self.path)?;
        if self.build {
            build::run(&project, &progress).await?;
        }
        build::check_files(&project)?;
        let client = connection.connect().await?;
        progress.step("pushing components");
        let app = project.push(&client, &progress).await?;
        let request = AppApply {
            manifest: app.to_toml(),
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::AppApply, &request).await?;
        self.outcome
            .of_app(&client, &applied, &app, &progress)
            .await
    }
}
