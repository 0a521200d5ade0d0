//! Finds a nats-server that is good enough, or fetches one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::{VERSION_MIN, Version, fetch};
use crate::ui::Progress;

/// Names a nats-server to use, whatever else is there.
const PROGRAM_VARIABLE: &str = "LATTICE_NATS_SERVER";
/// Names the folder for what was fetched.
const CACHE_VARIABLE: &str = "LATTICE_CACHE";

/// The path of a nats-server that can be run.
pub async fn find(progress: &Progress) -> anyhow::Result<PathBuf> {
    if let Some(program) = variable(PROGRAM_VARIABLE) {
        let version = version_of(&program)
            .await
            .with_context(|| format!("{PROGRAM_VARIABLE} names {}", program.display()))?;
        if version < VERSION_MIN {
            bail!(
                "{PROGRAM_VARIABLE} names {}, a nats-server {version}: {VERSION_MIN} or later is \
                 needed",
                program.display()
            );
        }
        return Ok(program);
    }
    if let Some(program) = in_path().await {
        return Ok(program);
    }
    fetch::cached_or_fetched(&cache_folder()?, progress).await
}

async fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    for folder in std::env::split_paths(&path) {
        let program = folder.join("nats-server");
        if program.is_file() && version_of(&program).await.is_ok_and(|v| v >= VERSION_MIN) {
            return Some(program);
        }
    }
    None
}

/// Asks a nats-server for its version.
pub(super) async fn version_of(program: &Path) -> anyhow::Result<Version> {
    let output = Command::new(program)
        .arg("--version")
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("failed to run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Version::parse(&text).with_context(|| {
        format!(
            "{} does not say that it is a nats-server",
            program.display()
        )
    })
}

fn cache_folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = variable(CACHE_VARIABLE) {
        return Ok(folder);
    }
    if let Some(folder) = variable("XDG_CACHE_HOME") {
        return Ok(folder.join("lattice"));
    }
    let home = variable("HOME").with_context(|| {
        format!("there is no HOME to keep a nats-server in: name a folder in {CACHE_VARIABLE}")
    })?;
    Ok(home.join(".cache/lattice"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
