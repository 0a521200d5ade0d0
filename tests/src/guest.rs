//! The components in `actors/`: built once, by the command that `actors/README.md` gives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use wasm_compose::composer::ComponentComposer;
use wasm_compose::config::Config;

const TARGET: &str = "wasm32-wasip2";
/// The profile of `actors/Cargo.toml` that keeps names of files and numbers of lines.
const LINES: &str = "lines";

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in the workspace")
}

/// A component's file. `foreign/NAME` is one that `actors/foreign/build` has built.
///
/// # Panics
/// If the guests don't build, or none has that name.
pub fn path(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(name) = name.strip_prefix("foreign/") {
        return foreign(name);
    }
    // Cargo names files with underscores.
    let file = format!("{}.wasm", name.replace('-', "_"));
    let path = BUILT.get_or_init(build).join(file);
    assert!(
        path.is_file(),
        "there is no guest {name}: {} is missing",
        path.display()
    );
    path
}

/// A component of another language, which only a machine with its toolchain can build.
fn foreign(name: &str) -> PathBuf {
    let file = format!("actors/foreign/target/{name}.wasm");
    let path = root().join(file);
    assert!(
        path.is_file(),
        "{} is missing: run actors/foreign/build, which fetches what it needs with npm and pip",
        path.display()
    );
    path
}

/// The file of a component that says of itself which line of which file each instruction is from.
///
/// # Panics
/// As [`path`].
pub fn with_lines(name: &str) -> PathBuf {
    let target = compile(&["--profile", LINES, "--package", name]);
    target
        .join(LINES)
        .join(format!("{}.wasm", name.replace('-', "_")))
}

/// A component's bytes.
///
/// # Panics
/// As [`path`].
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// Two guests as one component: what `socket` imports and `plug` exports is joined.
///
/// # Panics
/// As [`path`], or if they don't fit together.
pub fn composed(socket: &str, plug: &str) -> Vec<u8> {
    let config = Config {
        definitions: vec![path(plug)],
        ..Config::default()
    };
    ComponentComposer::new(&path(socket), &config)
        .compose()
        .expect("the components fit together")
}

/// The names of all guests, from the folders that have a `Cargo.toml`.
pub fn all() -> BTreeSet<String> {
    let actors = root().join("actors");
    let folders = [actors.clone(), actors.join("tests")];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn build() -> PathBuf {
    compile(&["--release", "--workspace"]).join("release")
}

/// Compiles guests; answers the folder in which each profile has a folder of its own.
fn compile(which: &[&str]) -> PathBuf {
    add_target();
    let actors = root().join("actors");
    let target = actors.join("target");
    let mut cargo = Command::new("cargo");
    cargo
        .arg("build")
        .args(which)
        .args(["--target", TARGET, "--manifest-path"])
        .arg(actors.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    // What cargo told this test about the test's own build would change theirs.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO") && text != "CARGO_HOME") || text.contains("RUSTFLAGS") {
            cargo.env_remove(&name);
        }
    }
    run(cargo.current_dir(&actors));
    target.join(TARGET)
}

/// Where there is no rustup, the build itself says what is missing.
fn add_target() {
    let list = ["target", "list", "--installed"];
    let Ok(output) = Command::new("rustup")
        .args(list)
        .current_dir(root())
        .output()
    else {
        return;
    };
    if !String::from_utf8_lossy(&output.stdout)
        .lines()
        .any(|line| line == TARGET)
    {
        run(Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(root()));
    }
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{said}",
        output.status
    );
}
