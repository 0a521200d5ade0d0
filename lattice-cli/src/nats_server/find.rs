//! Finds a nats-server that is good enough, or fetches one.

use std::ffi::{OsStr, OsString};
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
    find_by(|name| std::env::var_os(name), progress).await
}

async fn find_by(
    environment: impl Fn(&str) -> Option<OsString>,
    progress: &Progress,
) -> anyhow::Result<PathBuf> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    if let Some(program) = variable(PROGRAM_VARIABLE).map(PathBuf::from) {
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
    if let Some(program) = in_path(&variable("PATH").unwrap_or_default()).await {
        return Ok(program);
    }
    fetch::cached_or_fetched(&cache_folder(variable)?, progress).await
}

async fn in_path(path: &OsStr) -> Option<PathBuf> {
    for folder in std::env::split_paths(path) {
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

fn cache_folder(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<PathBuf> {
    let variable = |name| variable(name).map(PathBuf::from);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that says it is a nats-server of this version. A shell writes it: a file that this
    /// process had open for writing can't be run as long as a child that another test just forked
    /// still has it open as well.
    fn fake(program: &Path, version: &str) {
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        let write = r#"printf '#!/bin/sh\necho "nats-server: v%s"\n' "$2" >"$1" && chmod +x "$1""#;
        let written = std::process::Command::new("sh")
            .args(["-c", write, "sh"])
            .arg(program)
            .arg(version)
            .status();
        assert!(written.unwrap().success());
    }

    async fn found(variables: &[(&str, &OsStr)]) -> anyhow::Result<PathBuf> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        find_by(value, &Progress::silent()).await
    }

    #[tokio::test]
    async fn one_on_path_that_is_too_old_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fake(&at("old/nats-server"), "2.10.0");
        let path = std::env::join_paths([at("none"), at("old"), at("new")]).unwrap();
        let cache = at("cache");
        let variables = [("PATH", &*path), (CACHE_VARIABLE, cache.as_os_str())];
        fake(&fetch::cached(&cache), "2.15.1");
        assert_eq!(found(&variables).await.unwrap(), fetch::cached(&cache));
        fake(&at("new/nats-server"), "2.12.3");
        assert_eq!(found(&variables).await.unwrap(), at("new/nats-server"));
    }

    #[tokio::test]
    async fn the_one_that_is_named_is_used_or_refused_whatever_is_on_path() {
        let folder = tempfile::tempdir().unwrap();
        fake(&folder.path().join("nats-server"), "2.15.1");
        let named = folder.path().join("named");
        let variables = [
            ("PATH", folder.path().as_os_str()),
            (PROGRAM_VARIABLE, named.as_os_str()),
        ];
        fake(&named, "2.13.0");
        assert_eq!(found(&variables).await.unwrap(), named);
        fake(&named, "2.12.2");
        let error = found(&variables).await.unwrap_err().to_string();
        assert!(
            error.contains("2.12.2") && error.contains("2.12.3 or later"),
            "{error}"
        );
    }
}
