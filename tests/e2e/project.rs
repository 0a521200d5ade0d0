//! The demo, in a folder of its own, and `lattice up` in it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lattice_tests::process::{self, Ended, Running};
use lattice_tests::{eventually, guest, web};
use tempfile::TempDir;

use crate::program;

/// The last line that `up` prints once everything runs.
const UP: &str = "ctrl-c stops everything";

/// A copy of the demo with its components built already, on a port that the system picks.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn demo() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for name in ["counter", "greeter"] {
            fs::copy(
                guest::path(name),
                project.folder().join(format!("{name}.wasm")),
            )
            .unwrap();
        }
        let manifest = fs::read_to_string(guest::root().join("lattice.toml")).unwrap();
        let lines = manifest
            .lines()
            .map(|line| match line.starts_with("build = ") {
                true => "build = \"true\"",
                false => line,
            });
        let manifest = lines.collect::<Vec<_>>().join("\n");
        let ready = manifest
            .replace("actors/target/wasm32-wasip2/release/", "")
            .replace("127.0.0.1:8080", "127.0.0.1:0");
        assert_ne!(
            ready, manifest,
            "the demo is not what this copy was made for"
        );
        project.write(&ready);
        project
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(crate) fn manifest(&self) -> String {
        fs::read_to_string(self.folder().join("lattice.toml")).unwrap()
    }

    pub(crate) fn write(&self, manifest: &str) {
        fs::write(self.folder().join("lattice.toml"), manifest).unwrap();
    }

    /// Starts `lattice up`, and waits until everything runs.
    pub(crate) async fn up(&self) -> Running {
        let mut up = Running::start(process::command(program(), &self.folder(), &["up"]));
        up.prints(UP).await;
        up
    }

    /// Runs any command of `lattice` here, to its end.
    pub(crate) async fn lattice(&self, words: &[&str]) -> Ended {
        process::run(process::command(program(), &self.folder(), words)).await
    }

    /// Where the nats-server of the running `up` is.
    pub(crate) fn nats_url(&self) -> String {
        let path = self.folder().join(".lattice/nats.url");
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// Asks the demo for a page until it answers with a count.
    pub(crate) async fn count(&self) -> u64 {
        eventually("the demo answers", async || {
            let client = async_nats::connect(self.nats_url())
                .await
                .map_err(|e| e.to_string())?;
            let subject = "lattice.default.call.web.address";
            let reply = client
                .request(subject, "".into())
                .await
                .map_err(|e| e.to_string())?;
            let address: SocketAddr =
                serde_json::from_slice(&reply.payload).map_err(|e| format!("{e}: {reply:?}"))?;
            let page = web::get(address, "/").await.map_err(|e| format!("{e:#}"))?;
            if page.status == 200 {
                Ok(page.count())
            } else {
                Err(page.text())
            }
        })
        .await
    }

    /// Every process that works in this folder.
    pub(crate) fn processes(&self) -> Vec<String> {
        let folder = self.folder();
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let here = entries.filter(|entry| {
            let place = fs::read_link(entry.path().join("cwd"));
            place.is_ok_and(|place| place.starts_with(&folder))
        });
        here.map(|entry| command_line(&entry.path())).collect()
    }
}

fn command_line(process: &Path) -> String {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
