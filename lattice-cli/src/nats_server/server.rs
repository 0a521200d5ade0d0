//! A nats-server that runs.

use std::fs::{File, OpenOptions};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lattice_protocol::id::HostId;
use tokio::process::Command;

use super::watcher::Watcher;
use super::{Options, Port, ready};
use crate::private;
use crate::process::{Process, leftover};

/// How long a server has to be ready: it reads its streams first, and a slow disk takes a while.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked.
const READY_INTERVAL: Duration = Duration::from_millis(10);
/// How long a server has to stop in order: it flushes its streams.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How much of the log is shown when it doesn't start.
const LOG_LINES_SHOWN: usize = 5;

/// A server that runs. Dropped, it is killed, as it is when this process is; [`NatsServer::stop`]
/// stops it in order.
#[must_use = "a server is killed when it is dropped"]
pub struct NatsServer {
    // Dropped first: nothing watches a number that may be somebody else's.
    watcher: Option<Watcher>,
    process: Process,
    options: Options,
    port: u16,
}

impl NatsServer {
    /// Starts a server and waits until it answers. One that a killed process left behind in the
    /// same folder is stopped first.
    pub async fn start(mut options: Options) -> anyhow::Result<Self> {
        private::create_folder(&options.folder)?;
        // The server changes no folder, but its command line is compared with this path later.
        options.folder = options
            .folder
            .canonicalize()
            .with_context(|| format!("failed to find {}", options.folder.display()))?;
        let config = options.config_path();
        leftover::stop(&options.pid_path(), &config.to_string_lossy(), STOP_GRACE).await?;
        let is_preferred = matches!(options.port, Port::Preferred(_));
        options.port = options.port.settled();
        match Self::start_on(options.clone()).await {
            // Somebody may have taken the port since it was found free; another reason comes again.
            Err(_) if is_preferred && options.port != Port::Free => {
                options.port = Port::Free;
                Self::start_on(options).await
            }
            result => result,
        }
    }

    async fn start_on(options: Options) -> anyhow::Result<Self> {
        let config = options.config_path();
        let name = match &options.name {
            Some(name) => name.clone(),
            None => HostId::random().to_string(),
        };
        std::fs::write(&config, options.config(&name))
            .with_context(|| format!("failed to write {}", config.display()))?;
        let mut process = spawn(&options)?;
        let watcher = process.id().map(Watcher::start).transpose()?;
        match until_ready(&options, &mut process, &name).await {
            Ok(port) => Ok(Self {
                watcher,
                process,
                options,
                port,
            }),
            Err(error) => {
                drop(watcher);
                process.stop(STOP_GRACE).await;
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as clients take it.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The number of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// How it was started. Another one with the same options has the same data.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Starts it again, on the same port with the same data.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await;
        let options = Options {
            port: Port::Fixed(self.port),
            ..self.options.clone()
        };
        *self = Self::start(options).await?;
        Ok(())
    }

    /// Waits until it ends by itself; may be dropped and asked again.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.process.wait().await;
        self.dismiss_watcher().await;
        status
    }

    /// Stops it in order, or by force after a grace of some seconds.
    pub async fn stop(&mut self) {
        // From here on the server is asked to end anyway, and its number is soon somebody else's.
        self.dismiss_watcher().await;
        self.process.stop(STOP_GRACE).await;
    }

    /// Stops it at once.
    pub async fn kill(&mut self) {
        self.dismiss_watcher().await;
        self.process.kill();
        let _ = self.process.wait().await;
    }

    async fn dismiss_watcher(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.dismiss().await;
        }
    }
}

fn spawn(options: &Options) -> anyhow::Result<Process> {
    // The log of each run stands alone; what is said before the log is open goes there too.
    let path = options.log_path();
    let opened = File::create(&path)
        .and_then(|_| OpenOptions::new().append(true).open(&path))
        .and_then(|log| Ok((log.try_clone()?, log)));
    let (stdout, stderr) = opened.with_context(|| format!("failed to write {}", path.display()))?;
    let mut command = Command::new(&options.program);
    command
        .arg("--config")
        .arg(options.config_path())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    Process::spawn(command)
}

async fn until_ready(options: &Options, process: &mut Process, name: &str) -> anyhow::Result<u16> {
    let deadline = Instant::now() + READY_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = process.ended() {
            bail!(
                "nats-server ended at its start ({status}): {}",
                reason(options)
            );
        }
        if let Some(port) = port(options, process)
            && let Some(info) = ready::info(port).await
            // Another server may sit on a fixed port.
            && info.server_name == name
        {
            ensure!(
                info.jetstream || !options.jetstream,
                "nats-server came up without JetStream"
            );
            return Ok(port);
        }
        tokio::time::sleep(READY_INTERVAL).await;
    }
    bail!(
        "nats-server was not ready within {READY_TIMEOUT:?}: {}",
        reason(options)
    )
}

fn port(options: &Options, process: &Process) -> Option<u16> {
    match options.port {
        Port::Fixed(port) => Some(port),
        Port::Preferred(_) | Port::Free => {
            ready::port_of(&options.folder, &options.program, process.id()?)
        }
    }
}

fn reason(options: &Options) -> String {
    let log = std::fs::read_to_string(options.log_path()).unwrap_or_default();
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    let serious: Vec<_> = last
        .iter()
        .filter(|l| l.contains("[FTL]") || l.contains("[ERR]"))
        .collect();
    match serious.last() {
        Some(line) => line
            .split_once("] ")
            .map_or(**line, |(_, rest)| rest)
            .to_owned(),
        None if last.is_empty() => "it said nothing".to_owned(),
        None => last.join(" | "),
    }
}

#[cfg(test)]
#[path = "server_test.rs"]
mod tests;
