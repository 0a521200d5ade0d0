//! `lattice build`.

use std::path::PathBuf;

use crate::project::Project;
use crate::ui::Progress;

/// Build the components of a manifest, with the commands that it gives under `build`. A missing
/// Rust target is added by rustup.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// Manifest, or a folder that has a lattice.toml.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    path: PathBuf,
}

impl Build {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let project = Project::open(&self.path)?;
        crate::build::run(&project, &Progress::new()).await
    }
}
