//! The components that are called: built, then read.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Components by name, as the guests' manifests name them.
#[derive(Debug, Clone)]
pub(crate) struct Guests {
    folder: PathBuf,
}

impl Guests {
    /// Builds the actors and the bench's own guest into one folder.
    pub(crate) async fn build() -> anyhow::Result<Self> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = bench.parent().context("the bench is in the workspace")?;
        let target = root.join("actors/target");
        for folder in [root.join("actors"), bench.join("guest")] {
            build(&folder, &target).await?;
        }
        Ok(Self {
            folder: target.join(TARGET).join("release"),
        })
    }

    /// Where a component is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.wasm", name.replace('-', "_")))
    }

    /// A component's bytes.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path(name);
        std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))
    }
}

async fn build(folder: &Path, target: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(target)
        .current_dir(folder)
        .stdin(Stdio::null());
    // What cargo told this program about its own build would change theirs.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO") && text != "CARGO_HOME") || text.contains("RUSTFLAGS") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().await.context("failed to run cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "failed to build {}:\n{said}`rustup target add {TARGET}` may be missing",
            folder.display()
        );
    }
    Ok(())
}

/// The same component under another digest: a custom section is appended, which means nothing.
pub(crate) fn variant(component: &[u8], number: u32) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    let name = format!("bench-{number}-{}", std::process::id());
    // Short enough that lengths are one byte.
    let name = &name.as_bytes()[..name.len().min(100)];
    let mut bytes = component.to_vec();
    bytes.push(CUSTOM_SECTION);
    bytes.push(name.len() as u8 + 1);
    bytes.push(name.len() as u8);
    bytes.extend_from_slice(name);
    bytes
}
