//! A redis-server of the test's own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::{eventually, free_port};

mod find;

/// How often a start is tried, each on another port.
const STARTS_MAX: u32 = 5;

/// A server on a free port with its data in a folder that goes with it. What it has answered is
/// there after it was killed: it is written, but not through to the disk, before the answer.
#[must_use = "the server is killed when it is dropped"]
pub struct Redis {
    process: Option<Child>,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Starts one.
    ///
    /// # Panics
    /// If there is no redis-server and none can be fetched.
    pub async fn start() -> Self {
        // It can't pick a port by itself, and somebody else may take the one that was free.
        for _ in 0..STARTS_MAX {
            let mut redis = Self {
                process: None,
                port: free_port(),
                folder: tempfile::tempdir().unwrap(),
            };
            if redis.starts().await {
                return redis;
            }
        }
        panic!("redis-server ended {STARTS_MAX} times before it answered")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it, without a word: nothing is written down first.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("the server can be killed");
        }
    }

    /// Stops it where it is: connections stay, and nothing is answered.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.as_ref().and_then(Child::id);
        let pid = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(pid.expect("the server runs"), signal).expect("the signal arrives");
    }

    /// Starts it anew: same port, same data.
    ///
    /// # Panics
    /// If it ends before it answers.
    pub async fn start_again(&mut self) {
        assert!(self.starts().await, "redis-server ended");
    }

    /// Starts it; whether it answers, or ended before that.
    async fn starts(&mut self) -> bool {
        self.kill().await;
        let process = Command::new(program().await)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--appendonly", "yes", "--appendfsync", "no"])
            .args(["--save", "", "--dir"])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server starts");
        self.process = Some(process);
        eventually("redis-server answers", async || {
            // Who answers on its port while it has ended is somebody else.
            let process = self.process.as_mut().map(Child::try_wait);
            if let Some(Ok(Some(_))) = process {
                return Ok(false);
            }
            let answer = self.say("PING\r\n").await.map_err(|e| e.to_string())?;
            match answer.as_str() {
                "+PONG\r\n" => Ok(true),
                other => Err(other.to_owned()),
            }
        })
        .await
    }

    /// What it answers to a line of its protocol.
    pub async fn say(&self, line: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(line.as_bytes()).await?;
        let mut answer = vec![0; 4096];
        let len = stream.read(&mut answer).await?;
        answer.truncate(len);
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Found or fetched once.
async fn program() -> PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let found = async || {
        tokio::task::spawn_blocking(find::find)
            .await
            .expect("looking for a redis-server does not panic")
            .unwrap_or_else(|error| panic!("{error:#}"))
    };
    PROGRAM.get_or_init(found).await.clone()
}
