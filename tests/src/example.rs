//! The programs in `provider-sdk/examples`, built by the command that builds them with everything else.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::guest;

/// What cargo tells a test about the test's own build, by the beginning: some build scripts would run anew.
const TOLD_BY_CARGO: [&str; 5] = [
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_",
];

/// The file of an example, beside `program`: `cargo test --workspace` has built it, and then this
/// takes no time.
///
/// # Panics
/// If there is none, or it does not build.
pub async fn path(name: &str, program: &Path) -> PathBuf {
    let profile = program
        .parent()
        .expect("a program is in a folder")
        .to_owned();
    let example = profile.join("examples").join(name);
    let mut cargo = build(name, &profile);
    tokio::task::spawn_blocking(move || {
        let output = cargo.output().expect("cargo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{cargo:?} failed:\n{said}");
    })
    .await
    .expect("the example builds");
    example
}

/// With the features of the whole workspace, the target folder and the profile of the program: what is
/// built already is taken as it is.
fn build(name: &str, profile: &Path) -> Command {
    let target = profile.parent().expect("a profile is in a target folder");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--workspace", "--locked", "--example", name])
        .arg("--target-dir")
        .arg(target)
        .current_dir(guest::root())
        .stdin(Stdio::null());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        if TOLD_BY_CARGO.iter().any(|told| text.starts_with(told)) {
            cargo.env_remove(&variable);
        }
    }
    cargo
}
