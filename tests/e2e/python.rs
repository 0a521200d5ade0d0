//! A client that is not ours.

use std::fs;
use std::path::PathBuf;

use lattice_tests::{guest, process};
use serde_json::json;
use tokio::process::Command;

use crate::one_host;

/// The library of the NATS authors for Python, in one pinned version.
const NATS: Library = Library("nats-py", "2.16.0");
/// MessagePack for Python: hosts call in it.
const MSGPACK: Library = Library("msgpack", "1.1.2");

/// A library and its version.
struct Library(&'static str, &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_calls_actors_and_asks_for_control_with_json_alone() {
    let library = library(NATS).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_in_python_of_the_protocol_works_as_it_stands_there() {
    let libraries = [library(NATS).await, library(MSGPACK).await];
    let lattice = one_host().await;
    let script = lattice.folder().join("kv.py");
    fs::write(&script, block("A provider in Python")).unwrap();
    let path = std::env::join_paths(libraries)
        .unwrap()
        .into_string()
        .unwrap();
    let manifest = |start: u32| {
        format!(
            "name = \"app\"\n[actor.counter]\ncomponent = \"counter\"\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\n\
             [provider.kv]\nexec = [\"python3\", \"{}\"]\nconfig = {{ start = {start} }}\n\
             env = {{ PYTHONPATH = \"{path}\" }}\n",
            script.display()
        )
    };
    let logs = lattice.logs().await;
    lattice.apply(&manifest(41)).await;
    let get = async |path: &str| {
        let request = json!({"method": "GET", "path": path});
        lattice.call("counter.handle", request).await.json()["body"].clone()
    };
    // "count: 42\n", as JSON writes bytes.
    assert_eq!(get("/").await, "Y291bnQ6IDQyCg==");
    let pid = lattice.provider_pid("kv").await;
    lattice.apply(&manifest(6)).await;
    logs.with("kv", "{'start': 6}").await;
    assert_eq!(get("/other").await, "Y291bnQ6IDcK", "the new config");
    assert_eq!(
        lattice.provider_pid("kv").await,
        pid,
        "it was not restarted"
    );
    let unknown = lattice.call("kv.dance", json!([])).await.failure();
    assert!(unknown.is("not-found", 404), "{unknown:?}");
}

/// The first piece of Python in `docs/protocol.md` after these words.
fn block(words: &str) -> String {
    let text = fs::read_to_string(guest::root().join("docs/protocol.md")).unwrap();
    let (_, after) = text.split_once(words).expect("the protocol has it");
    let (_, code) = after.split_once("```python\n").expect("code follows");
    code.split_once("\n```").expect("it ends").0.to_owned()
}

/// The folder of a library, fetched by pip unless it is there.
///
/// Without it this test can't say anything, so it fails: passed over in silence, it would promise
/// what nobody has seen.
async fn library(Library(name, version): Library) -> PathBuf {
    let folder = cache().join("python").join(format!("{name}-{version}"));
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
    .arg(format!("{name}=={version}"));
    let ended = process::run(pip).await;
    assert!(
        ended.status.success(),
        "this test needs {name} {version}, which pip could not fetch: put it into {} with \
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
