//! What builds need besides cargo: the target that components are compiled for.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::ui::Progress;

const TARGET: &str = "wasm32-wasip2";

/// Adds the target if one of the build commands names it and it is missing.
pub(crate) async fn prepare<'a>(
    builds: impl IntoIterator<Item = &'a String>,
    folder: &Path,
    progress: &Progress,
) -> anyhow::Result<()> {
    if !builds.into_iter().any(|build| build.contains(TARGET)) {
        return Ok(());
    }
    // The folder matters: it may name a toolchain of its own.
    let installed = match run(folder, "rustup", &["target", "list", "--installed"]).await {
        Ok(text) => text.lines().any(|line| line.trim() == TARGET),
        Err(_) => return without_rustup(folder).await,
    };
    if installed {
        return Ok(());
    }
    progress.step(&format!("adding the Rust target {TARGET}"));
    run(folder, "rustup", &["target", "add", TARGET])
        .await
        .with_context(|| format!("failed to add the Rust target {TARGET}"))?;
    progress.done(&format!("added the Rust target {TARGET}"));
    Ok(())
}

/// A Rust of the system's packages: the target has a folder when it is there.
async fn without_rustup(folder: &Path) -> anyhow::Result<()> {
    let printed = run(
        folder,
        "rustc",
        &["--print", "target-libdir", "--target", TARGET],
    )
    .await;
    if printed.is_ok_and(|path| Path::new(path.trim()).is_dir()) {
        return Ok(());
    }
    bail!(
        "the build needs the Rust target {TARGET}, and there is no rustup to add it: install \
         rustup, or the target from where this Rust came from"
    )
}

async fn run(folder: &Path, program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("failed to run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} failed: {}",
            said.lines().last().unwrap_or("it gave no reason")
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
