//! A host: the `lattice` binary as people run it.

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lattice_cli::process::Process;
use lattice_protocol::control::{Nothing, Verb};
use serde_json::Value;
use tokio::process::Command;

use super::{World, until};
use crate::rows::Bench;

/// How long a host has to stop in order.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Room for every row: the most instances that one of them asks for, and some.
const CAPACITY: &str = "2000";

/// A host that runs. Dropped, it is killed with its providers.
#[must_use = "the host is killed when it is dropped"]
pub(crate) struct HostProcess {
    process: Process,
}

impl World {
    /// Starts a host, and waits until it answers.
    pub(crate) async fn host(&self, bench: &Bench) -> anyhow::Result<HostProcess> {
        let log = File::create(self.folder().join("host.log"))?;
        let mut command = Command::new(&bench.lattice);
        command
            .args([
                "host",
                "--nats",
                &self.url(),
                "--capacity",
                CAPACITY,
                "--data",
            ])
            .arg(self.folder().join("host"))
            // Its standard input ends with this process, however that ends.
            .env("LATTICE_SUPERVISED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        for name in ["LATTICE", "LATTICE_CREDS", "RUST_LOG", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        let process = Process::spawn(command)?;
        until("the host answers", async || {
            let hosts: Vec<Value> = self.client.control(Verb::HostList, &Nothing {}).await?;
            ensure!(!hosts.is_empty(), "no host is listed");
            Ok(())
        })
        .await?;
        Ok(HostProcess { process })
    }
}

impl HostProcess {
    /// The number of its process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().context("the host has ended")
    }

    /// Stops it in order, with its providers.
    pub(crate) async fn stop(mut self) {
        self.process.stop(STOP_GRACE).await;
    }
}
