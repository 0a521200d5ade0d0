//! The twin: `bench/node/auth.mjs`, with its packages in a cache folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lattice_cli::process::Process;
use lattice_protocol::digest::Digest;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::service::{BUCKET, Service};
use super::side::Validate;
use crate::load::Work as _;

const FILES: [&str; 3] = ["package.json", "package-lock.json", "auth.mjs"];
/// What the packages are built for.
const MAJOR_MIN: u32 = 20;
/// Names the folder for what was fetched, as for the `lattice` binary.
const CACHE_VARIABLE: &str = "LATTICE_CACHE";
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The program, ready to be started.
pub(super) struct Twin {
    program: PathBuf,
}

/// The twin as a process. Dropped, it is killed.
#[must_use = "the twin is killed when it is dropped"]
pub(super) struct Running {
    process: Process,
    address: SocketAddr,
}

impl Twin {
    /// Fetches the packages by their pinned hashes, if they are not there.
    pub(super) async fn prepare() -> anyhow::Result<Self> {
        let version = said("node", &["--version"], Path::new("."))
            .await
            .context("node can't be run: put Node.js 20 or later on PATH")?;
        let major = version.trim_start_matches('v').split('.').next();
        let major: u32 = major.unwrap_or_default().parse().unwrap_or_default();
        ensure!(
            major >= MAJOR_MIN,
            "node is {version}: {MAJOR_MIN} or later is needed"
        );
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
        let lock = std::fs::read(source.join("package-lock.json"))?;
        let folder = cache()?.join("bench-node").join(Digest::of(&lock).short());
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        for file in FILES {
            std::fs::copy(source.join(file), folder.join(file))
                .with_context(|| format!("failed to copy {file} into {}", folder.display()))?;
        }
        // npm writes this when it has done everything else.
        if !folder.join("node_modules/.package-lock.json").is_file() {
            let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            said("npm", &words, &folder)
                .await
                .context("the packages of the twin can't be fetched")?;
        }
        Ok(Self {
            program: folder.join("auth.mjs"),
        })
    }

    pub(super) async fn start(&self, service: &Service) -> anyhow::Result<Running> {
        let mut command = Command::new("node");
        command
            .arg(&self.program)
            .args([service.world.url().as_str(), BUCKET])
            .env("NODE_ENV", "production")
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::spawn(command)?;
        let (stdout, _) = process.output();
        let mut lines = BufReader::new(stdout.context("no standard output")?).lines();
        let line = tokio::time::timeout(READY_WITHIN, lines.next_line());
        let line = line.await.context("the twin was not ready in time")??;
        let address = line.context("the twin ended at its start")?;
        let address = address
            .parse()
            .with_context(|| format!("{address:?} is no address"))?;
        Ok(Running { process, address })
    }

    /// Milliseconds from the start of a process to the first good key.
    pub(super) async fn cold(&self, service: &Service) -> anyhow::Result<f64> {
        let began = Instant::now();
        let running = self.start(service).await?;
        let mut client = Validate::open(running.address, &service.keys()).await?;
        client.once().await?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

impl Running {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        super::running_pid(self.process.id())
    }
}

/// Runs a command to its end; what it printed, or what it complained of.
async fn said(program: &str, words: &[&str], folder: &Path) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("failed to run {program}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {}", complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cache() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let named = variable(CACHE_VARIABLE).map(PathBuf::from);
    let users = || variable("XDG_CACHE_HOME").map(|folder| PathBuf::from(folder).join("lattice"));
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache/lattice"));
    named
        .or_else(users)
        .or_else(home)
        .with_context(|| format!("there is no home folder: name one by {CACHE_VARIABLE}"))
}
