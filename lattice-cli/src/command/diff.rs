//! `lattice diff`.

use std::path::PathBuf;

use lattice_protocol::control::{AppApply, Change, Verb};

use super::app::print_changes;
use crate::build::check_files;
use crate::connection::Connection;
use crate::project::Project;
use crate::ui;

/// Show what an apply would change: `+` added, `~` changed, `-` removed. Nothing is pushed.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// Manifest, or a folder that has a lattice.toml.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    path: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let project = Project::open(&self.path)?;
        check_files(&project)?;
        let app = project.resolve()?;
        let client = connection.connect().await?;
        let request = AppApply {
            manifest: app.to_toml(),
            if_revision: None,
        };
        let changes: Vec<Change> = client.control(Verb::AppDiff, &request).await?;
        if self.json {
            ui::json::print(&changes)
        } else {
            print_changes(&changes)
        }
    }
}
