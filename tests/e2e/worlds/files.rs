//! Folders of a host.

use std::os::unix::fs::symlink;
use std::path::Path;

use host::Allow;
use lattice_tests::process::{Running, command};
use lattice_tests::{Lattice, eventually};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::{allowing, failed, tries};
use crate::{one_host, program};

/// A folder with `open/file` to be granted, and `secret/file` beside it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["open", "secret"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("file"), name).unwrap();
    }
    folder
}

fn allow(path: &Path, suffix: &str) -> Allow {
    Allow {
        files: vec![format!("{}{suffix}", path.display()).parse().unwrap()],
        ..Allow::default()
    }
}

fn grant(path: &Path, mode: &str) -> String {
    let from = path.join("open");
    format!(
        "[actor.worlds.grant.files.\"/data\"]\nfrom = \"{}\"\nmode = \"{mode}\"",
        from.display()
    )
}

/// A lattice whose host allows the folder, and the guest to whom `open` in it is granted.
async fn granted(folder: &TempDir, mode: &str) -> Lattice {
    let lattice = allowing(allow(folder.path(), "")).await;
    lattice
        .run_with("worlds", &grant(folder.path(), mode))
        .await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_granted_to_be_read() {
    let folder = folder();
    let lattice = granted(&folder, "read").await;
    let read = tries(&lattice, "read", json!(["/data/file"])).await;
    assert_eq!(read, json!({"ok": "open"}));
    let names = tries(&lattice, "names", json!(["/data"])).await;
    assert_eq!(names, json!({"ok": ["file"]}));
    let written = tries(&lattice, "write", json!(["/data/file", "mine"])).await;
    assert!(written["err"].is_string(), "{written}");
    let made = tries(&lattice, "write", json!(["/data/new", "mine"])).await;
    assert!(made["err"].is_string(), "{made}");
    let file = folder.path().join("open/file");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_granted_to_be_written() {
    let folder = folder();
    let lattice = granted(&folder, "read-write").await;
    let written = tries(&lattice, "write", json!(["/data/new", "mine"])).await;
    assert_eq!(written, json!({"ok": null}));
    let file = folder.path().join("open/new");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
    let read = tries(&lattice, "read", json!(["/data/new"])).await;
    assert_eq!(read, json!({"ok": "mine"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_and_no_link_leads_out_of_a_granted_folder() {
    let folder = folder();
    let secret = folder.path().join("secret");
    let open = folder.path().join("open");
    symlink(&secret, open.join("absolute")).unwrap();
    symlink("../secret", open.join("relative")).unwrap();
    symlink("../secret/file", open.join("file-link")).unwrap();
    let lattice = granted(&folder, "read-write").await;
    // The guest's own link.
    let made = tries(&lattice, "symlink", json!(["../secret", "/data/own"])).await;
    assert_eq!(made, json!({"ok": null}));
    let outside = secret.join("file").display().to_string();
    for path in [
        "/data/../secret/file",
        "/data/./x/../../secret/file",
        "/data/absolute/file",
        "/data/relative/file",
        "/data/file-link",
        "/data/own/file",
        &outside,
        "/etc/passwd",
    ] {
        let read = tries(&lattice, "read", json!([path])).await;
        assert!(read["err"].is_string(), "{path}: {read}");
        let written = tries(&lattice, "write", json!([path, "mine"])).await;
        assert!(written["err"].is_string(), "{path}: {written}");
    }
    assert_eq!(
        std::fs::read_to_string(secret.join("file")).unwrap(),
        "secret"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_manifest_grants_and_the_host_does_not_allow_is_refused_with_the_flag() {
    let folder = folder();
    let lattice = one_host().await;
    let manifest = format!(
        "name = \"app\"\n[actor.worlds]\ncomponent = \"worlds\"\n{}",
        grant(folder.path(), "read")
    );
    lattice.try_apply(&manifest).await.unwrap();
    let reason = failed(&lattice, "a").await;
    let open = folder.path().join("open").canonicalize().unwrap();
    let flag = format!("--allow-files {}:ro", open.display());
    assert!(reason.ends_with(&flag), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_may_only_be_read_is_not_granted_to_be_written() {
    let folder = folder();
    let lattice = allowing(allow(folder.path(), ":ro")).await;
    let manifest = format!(
        "name = \"app\"\n[actor.worlds]\ncomponent = \"worlds\"\n{}",
        grant(folder.path(), "read-write")
    );
    lattice.try_apply(&manifest).await.unwrap();
    let reason = failed(&lattice, "a").await;
    assert!(reason.contains("read-write"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flag_that_a_refusal_names_allows_it() {
    let folder = folder();
    let mut lattice = Lattice::start(program()).await;
    let (nats, flag) = (
        lattice.nats().url(),
        format!("{}:ro", folder.path().display()),
    );
    let words = [
        "host",
        "--id",
        "a",
        "--nats",
        &nats,
        "--data",
        "a",
        "--allow-files",
        &flag,
    ];
    let mut host = Running::start(command(program(), lattice.folder(), &words));
    host.prints("joined").await;
    lattice
        .run_with("worlds", &grant(folder.path(), "read"))
        .await;
    let read = tries(&lattice, "read", json!(["/data/file"])).await;
    assert_eq!(read, json!({"ok": "open"}));
    host.signal(Signal::INT);
    assert!(host.ended().await.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_holds_no_more_files_than_a_host_can_spare() {
    let folder = folder();
    let lattice = granted(&folder, "read").await;
    let held = lattice
        .call("worlds.hold-files", json!(["/data/file", 100]))
        .await;
    assert_eq!(held.json(), 100);
    let failure = lattice
        .call("worlds.hold-files", json!(["/data/file", 1000]))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_without_a_folder_is_told_in_its_log_what_to_write() {
    let lattice = one_host().await;
    lattice.run("worlds").await;
    let logs = lattice.logs().await;
    let read = tries(&lattice, "read", json!(["/data/file"])).await;
    assert!(read["err"].is_string(), "{read}");
    let record = logs.with("worlds", "[actor.worlds.grant]").await;
    let message = record["message"].as_str().unwrap();
    assert!(message.contains("files.\"/data\" = { from ="), "{message}");
    assert_eq!(record["stream"], "host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_file_does_not_answer_ends_at_its_time_and_the_next_is_served() {
    let folder = folder();
    let pipe = folder.path().join("open/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Nobody writes into it: to open it waits as long as a disk that does not answer.
    let lattice = granted(&folder, "read").await;
    // Its own time: the next call has as much as any.
    let deadline = [("Lattice-Deadline-Ms", "2000")];
    let read = lattice.request_with(
        "lattice.default.call.worlds.read",
        &deadline,
        json!(["/data/pipe"]).to_string(),
    );
    let failure = read.await.failure();
    assert!(failure.is("deadline", 504), "{failure:?}");
    let read = tries(&lattice, "read", json!(["/data/file"])).await;
    assert_eq!(read, json!({"ok": "open"}));
    // Lets the host have what it still waits for.
    let mut both = std::fs::File::options();
    drop(both.read(true).write(true).open(&pipe).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_never_answer_hold_up_their_own_actor_until_they_do_and_nobody_else() {
    let folder = folder();
    // To open it is to wait until somebody writes, as for a disk that is dead.
    let dead = folder.path().join("open/dead");
    let made = std::process::Command::new("mkfifo").arg(&dead).status();
    assert!(made.unwrap().success());
    let lattice = allowing(allow(folder.path(), "")).await;
    let open = folder.path().join("open");
    let actors = ["waits", "works"].map(|name| {
        format!(
            "[actor.{name}]\ncomponent = \"worlds\"\ninstances = 40\nlimits = {{ time_ms = 500 }}\n\
             [actor.{name}.grant.files.\"/data\"]\nfrom = \"{}\"\nmode = \"read\"\n",
            open.display()
        )
    });
    lattice
        .apply(&format!("name = \"app\"\n{}", actors.concat()))
        .await;
    // More than all threads that a host has for what may wait: 512.
    for _ in 0..15 {
        let calls = (0..40).map(|_| lattice.call("waits.read", json!(["/data/dead"])));
        for answer in futures_util::future::join_all(calls).await {
            let failure = answer.failure();
            assert_eq!(failure.code, "deadline", "{failure:?}");
        }
    }
    let read = async |actor: &str| {
        let endpoint = format!("{actor}.read");
        let answer = lattice.call(&endpoint, json!(["/data/file"])).await;
        if answer.failed() {
            Err(answer)
        } else {
            Ok(answer.json())
        }
    };
    eventually("the other actor reads", async || read("works").await).await;
    // Whoever waits to open it goes on.
    let writer = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&dead);
    let found = eventually("the disk is back", async || read("waits").await).await;
    assert_eq!(found, json!({"ok": "open"}));
    drop(writer);
}
