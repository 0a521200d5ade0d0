//! A client that is not ours.

use std::fs;
use std::path::PathBuf;

use lattice_tests::{guest, process};
use tokio::process::Command;

use crate::one_host;

/// The library of the NATS authors for Python, in one pinned version.
const LIBRARY: &str = "nats-py";
const VERSION: &str = "2.16.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_calls_actors_and_asks_for_control_with_json_alone() {
    let library = library().await;
    let mut lattice = one_host().await;
    lattice.run("greeter").await;
    let mut python = Command::new("python3");
    python
        .arg(guest::root().join("tests/python/client.py"))
        .arg(lattice.nats().url())
        .env("PYTHONPATH", library);
    let ended = process::run(python).await;
    assert!(ended.status.success(), "{}", ended.text());
    assert_eq!(ended.lines, ["every answer was as docs/protocol.md says"]);
}

/// The folder of the library, fetched by pip unless it is there.
///
/// Without it this test can't say anything, so it fails: passed over in silence, it would promise
/// what nobody has seen.
async fn library() -> PathBuf {
    let folder = cache().join("python").join(format!("{LIBRARY}-{VERSION}"));
    if folder.is_dir() {
        return folder;
    }
    let parent = folder.parent().unwrap();
    fs::create_dir_all(parent).unwrap();
    let fetched = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(parent)
        .unwrap();
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-input",
        "--target",
    ])
    .arg(fetched.path())
    .arg(format!("{LIBRARY}=={VERSION}"));
    let ended = process::run(pip).await;
    assert!(
        ended.status.success(),
        "this test needs {LIBRARY} {VERSION}, which pip could not fetch: put it into {} with \
         `pip install --target`\n{}",
        folder.display(),
        ended.text()
    );
    // Whole or not at all. Another run may have been first.
    let _ = fs::rename(fetched.path(), &folder);
    folder
}

/// Where nats-server is kept too.
fn cache() -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("LATTICE_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("lattice")))
        .or_else(|| Some(variable("HOME")?.join(".cache/lattice")))
        .expect("HOME is set")
}
