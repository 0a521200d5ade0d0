//! The processes of one `lattice up`: a nats-server, unless it is the user's, and a host, which
//! starts the providers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use lattice_client::process::{Signals, variable};
use lattice_client::{Client, ControlError};
use lattice_protocol::control::{HostSummary, Nothing, Verb};
use tokio::process::Command;

use super::data::Data;
use crate::command::allow::Allowed;
use crate::connection::Connection;
use crate::nats_server::{NatsServer, Options, Port};
use crate::process::Process;
use crate::ui::Progress;

/// The port that NATS clients try by themselves.
const NATS_PORT: u16 = 4222;
/// How long a host has to stop in order: running calls may take their default deadline of 10 s, and
/// its providers finish after it.
pub(super) const HOST_STOP_GRACE: Duration = Duration::from_secs(15);
/// How long a host has until it answers.
const HOST_READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked.
const HOST_READY_INTERVAL: Duration = Duration::from_millis(50);

/// What was started, and has to be stopped.
pub(super) struct Running {
    /// This program, which is also the host's: read once, as its file may be replaced meanwhile.
    program: PathBuf,
    /// What the host is told to allow.
    allow: Allowed,
    /// Where the host shows its metrics.
    metrics: Option<SocketAddr>,
    pub(super) nats: Option<NatsServer>,
    pub(super) host: Option<Process>,
}

impl Running {
    /// Nothing yet.
    pub(super) fn new(allow: Allowed, metrics: Option<SocketAddr>) -> anyhow::Result<Self> {
        Ok(Self {
            program: std::env::current_exe().context("failed to find this program")?,
            allow,
            metrics,
            nats: None,
            host: None,
        })
    }

    /// Starts nats-server, on its usual port if that is free.
    pub(super) async fn start_nats(
        &mut self,
        program: PathBuf,
        data: &Data,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        progress.step("starting nats-server");
        let port = Port::Preferred(NATS_PORT);
        let options = Options {
            port,
            ..Options::new(program, data.nats_folder())
        };
        let nats = NatsServer::start(options).await?;
        progress.done(&format!("nats-server listens on {}", nats.url()));
        self.nats = Some(nats);
        Ok(())
    }

    /// How everything else reaches NATS.
    pub(super) fn connection(&self, given: &Connection) -> Connection {
        let own = self.nats.as_ref().map(NatsServer::url);
        Connection {
            nats: own.or_else(|| given.nats.clone()),
            ..given.clone()
        }
    }

    /// Starts the host: this program again, supervised.
    pub(super) fn start_host(
        &mut self,
        connection: &Connection,
        data: &Data,
    ) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["host", "--id", data.host_id()?.as_str(), "--data"])
            .arg(data.host_folder())
            .args(["--lattice", connection.lattice.as_str()])
            // An address may hold a password, and everybody may read a command line.
            .env(variable::NATS, connection.url())
            .env(variable::SUPERVISED, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(data.host_log().open()?);
        if let Some(creds) = &connection.creds {
            command.env(variable::CREDS, creds);
        }
        self.allow.pass_on(&mut command);
        if let Some(metrics) = self.metrics {
            command.env(lattice_telemetry::LISTEN, metrics.to_string());
        }
        let host = Process::spawn(command)?;
        if let Some(id) = host.id() {
            let path = data.host_pid_path();
            std::fs::write(&path, format!("{id}\n"))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        self.host = Some(host);
        Ok(())
    }

    /// Waits until the host answers for the lattice.
    pub(super) async fn host_answers(
        &mut self,
        client: &Client,
        data: &Data,
    ) -> anyhow::Result<()> {
        let id = data.host_id()?;
        let deadline = Instant::now() + HOST_READY_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.host.as_mut().and_then(Process::ended) {
                bail!(
                    "the host ended at its start ({status}); {}",
                    data.host_log().tail()
                );
            }
            match client
                .control::<Vec<HostSummary>>(Verb::HostList, &Nothing {})
                .await
            {
                Ok(hosts) if hosts.iter().any(|host| host.report.host == id) => return Ok(()),
                Ok(_) | Err(ControlError::NoHost(_) | ControlError::TimedOut(_)) => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(HOST_READY_INTERVAL).await;
        }
        bail!(
            "the host did not answer within {HOST_READY_TIMEOUT:?}; {}",
            data.host_log().tail()
        )
    }

    /// Waits until the host ends by itself; may be dropped and asked again.
    pub(super) async fn host_ended(&mut self) -> anyhow::Error {
        ended("the host", self.host.as_mut().map(Process::wait)).await
    }

    /// Waits until a process ends by itself, and says which and how.
    pub(super) async fn first_end(&mut self) -> (Which, anyhow::Error) {
        let nats = ended("nats-server", self.nats.as_mut().map(NatsServer::wait));
        let host = ended("the host", self.host.as_mut().map(Process::wait));
        tokio::select! {
            error = nats => (Which::Nats, error),
            error = host => (Which::Host, error),
        }
    }

    /// Stops the host, which stops its providers, and then NATS, over which they finish. One more
    /// signal ends everything at once.
    pub(super) async fn stop(mut self, progress: &Progress, signals: &mut Signals) {
        if self.nats.is_none() && self.host.is_none() {
            return;
        }
        let in_order = async {
            if let Some(host) = &mut self.host {
                progress.step("stopping the host and its providers");
                host.stop(HOST_STOP_GRACE).await;
            }
            if let Some(nats) = &mut self.nats {
                progress.step("stopping nats-server");
                nats.stop().await;
            }
        };
        tokio::select! {
            () = in_order => progress.done("everything is stopped"),
            // What is left is killed when it is dropped.
            () = signals.next() => progress.done("killed"),
        }
    }
}

/// How a process ended; what was not started never ends.
async fn ended(
    what: &str,
    wait: Option<impl Future<Output = anyhow::Result<ExitStatus>>>,
) -> anyhow::Error {
    let Some(wait) = wait else {
        return std::future::pending().await;
    };
    match wait.await {
        Ok(status) => anyhow!("{what} ended by itself ({status})"),
        Err(error) => error,
    }
}

/// One of the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Nats,
    Host,
}
