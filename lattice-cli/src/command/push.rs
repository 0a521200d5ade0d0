//! `lattice push`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lattice_client::Artifacts;
use lattice_protocol::digest::Digest;
use serde::Serialize;

use crate::component;
use crate::connection::Connection;
use crate::ui::{self, Progress};

/// Store components in the lattice and print their digests, which a manifest can then name.
#[derive(Debug, clap::Args)]
pub struct Push {
    /// Components.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A component that is stored.
#[derive(Debug, Serialize)]
struct Pushed {
    file: PathBuf,
    digest: String,
}

impl Push {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let artifacts = connection.connect().await?.artifacts().await?;
        let progress = Progress::new();
        let mut all = Vec::new();
        for file in self.files {
            let digest = push(&artifacts, &file, &progress).await?.to_string();
            if !self.json {
                ui::out(format_args!("{digest}  {}", file.display()))?;
            }
            all.push(Pushed { file, digest });
        }
        match self.json {
            true => ui::json::print(&all),
            false => Ok(()),
        }
    }
}

/// Stores one component.
pub(super) async fn push(
    artifacts: &Artifacts,
    file: &Path,
    progress: &Progress,
) -> anyhow::Result<Digest> {
    let name = file.display();
    let bytes = component::read(file)?;
    progress.step(&format!("pushing {name} ({} kB)", bytes.len() / 1000));
    let pushed = artifacts.push(&bytes).await;
    progress.clear();
    pushed.with_context(|| format!("failed to push {name}"))
}
