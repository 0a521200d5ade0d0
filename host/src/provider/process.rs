//! One child process: started in a group of its own, read, asked to end, made to end.
//!
//! Its standard input is a pipe that this host holds open and never writes to: when the host is
//! gone, however it went, the pipe ends, and a supervised process ends with it. The group keeps a
//! terminal's ctrl-c away from it, as its host stops it in order, and lets signals reach what the
//! child itself started: a shell passes none on.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use lattice_protocol::log::Stream;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::machine::Exit;
use super::outbox::Outbox;
use super::output::{Tail, pump};

/// How long the rest of the output may take once the process is gone: it is in the pipe already,
/// and only a descendant that left the group could hold it open longer.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// A process that was started and whose end was not yet seen.
#[derive(Debug)]
#[must_use]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    stdin: Option<ChildStdin>,
    /// Tells that some child of this host has died.
    deaths: unix::Signal,
    tail: Tail,
    readers: JoinSet<()>,
    /// When its output is waited for no longer; set once it has ended, however often that is asked.
    output_until: Option<Instant>,
}

impl Process {
    /// Starts the command.
    pub(super) fn start(mut command: Command, outbox: &Outbox) -> io::Result<Self> {
        // Before the start, so that no death is missed.
        let deaths = unix::signal(SignalKind::child())?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        let tail = Tail::default();
        let mut readers = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            readers.spawn(pump(pipe, Stream::Stdout, tail.clone(), outbox.clone()));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.spawn(pump(pipe, Stream::Stderr, tail.clone(), outbox.clone()));
        }
        let stdin = child.stdin.take();
        Ok(Self {
            child,
            pid,
            stdin,
            deaths,
            tail,
            readers,
            output_until: None,
        })
    }

    /// Its id, which is its group's too.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for its end; may be given up and asked again.
    pub(super) async fn ended(&mut self) -> Exit {
        if self.child.id().is_some() && self.dead().await {
            // Until its status is fetched the id is taken, so this hits its own group for certain.
            self.signal(Signal::KILL);
        }
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => format!("a status that can't be read ({error})"),
        };
        let rest = async { while self.readers.join_next().await.is_some() {} };
        let until = self
            .output_until
            .get_or_insert_with(|| Instant::now() + OUTPUT_GRACE);
        if tokio::time::timeout_at(*until, rest).await.is_err() {
            self.readers.abort_all();
        }
        Exit {
            status,
            lines: self.tail.lines(),
        }
    }

    /// Asks it to end, in both ways that it may listen to.
    pub(super) fn terminate(&mut self) {
        self.stdin = None;
        self.signal(Signal::TERM);
    }

    /// Ends it.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Waits until it is dead and its status waits to be fetched; false if that can't be told.
    async fn dead(&mut self) -> bool {
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        loop {
            match waitid(WaitId::Pid(self.pid), peek) {
                Ok(Some(_)) => return true,
                Ok(None) if self.deaths.recv().await.is_some() => {}
                Ok(None) | Err(_) => return false,
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // Its id is its own only until its status is fetched.
        if self.child.id().is_none() {
            return;
        }
        if let Err(error) = kill_process_group(self.pid, signal) {
            tracing::debug!(pid = self.pid(), ?signal, %error, "not signalled");
        }
    }
}

#[cfg(test)]
#[path = "process_test.rs"]
mod tests;
