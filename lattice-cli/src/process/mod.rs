//! A child process: in a group of its own, so that a ctrl-c in the terminal reaches only this
//! process, which then chooses the order in which things stop.

mod family;
pub(crate) mod leftover;

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// A child with everything that it starts in turn. Dropped, it is killed.
#[must_use = "a process is killed when it is dropped"]
pub struct Process {
    child: Child,
    group: Option<Pid>,
    /// Held open: a supervised process stops when this reaches its end, which happens also when
    /// this process is killed.
    _stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts a command.
    pub fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let program = command
            .as_std()
            .get_program()
            .to_string_lossy()
            .into_owned();
        let mut child = command
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {program}"))?;
        let group = child.id().and_then(pid);
        // `Child::wait` would close it.
        let stdin = child.stdin.take();
        Ok(Self {
            child,
            group,
            _stdin: stdin,
        })
    }

    /// Its number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends its input, as the end of this process would.
    #[cfg(test)]
    pub(crate) fn close_input(&mut self) {
        self._stdin = None;
    }

    /// What it prints, if the command asked for pipes.
    pub fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits until it ends; may be dropped and asked again.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        self.child
            .wait()
            .await
            .context("failed to wait for a process")
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop, and kills it with its group if it has not within `grace`.
    pub async fn stop(&mut self, grace: Duration) {
        if self.ended().is_none()
            && let Some(pid) = self.id().and_then(pid)
        {
            // An error means that it has just ended.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
            let _ = tokio::time::timeout(grace, self.child.wait()).await;
        }
        self.kill();
        let _ = self.child.wait().await;
    }

    /// Kills it with everything that it started, also what has a group of its own.
    pub fn kill(&mut self) {
        // The number of one that was collected may belong to somebody else by now.
        let Some(id) = self.child.id() else { return };
        let family = family::descendants(id);
        if let Some(group) = self.group {
            // An error means that it has just ended.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        for member in family {
            let _ = rustix::process::kill_process(member, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process number as the system takes it.
pub(crate) fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt as _, BufReader};

    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn(command).unwrap()
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_request_to_stop_is_killed() {
        let mut process = shell("trap '' TERM; while :; do :; done");
        process.stop(Duration::from_millis(50)).await;
        assert!(process.ended().is_some_and(|status| !status.success()));
    }

    #[tokio::test]
    async fn whoever_is_killed_takes_its_children_along_whatever_their_group() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "set -m; sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped());
        let mut process = Process::spawn(command).unwrap();
        let (stdout, _) = process.output();
        let mut lines = BufReader::new(stdout.unwrap()).lines();
        let child: u32 = lines.next_line().await.unwrap().unwrap().parse().unwrap();
        process.kill();
        process.wait().await.unwrap();
        // The pipe ends when the last process that holds it has ended.
        assert_eq!(lines.next_line().await.unwrap(), None, "{child} still runs");
    }

    #[tokio::test]
    async fn a_process_that_stops_by_itself_keeps_its_status() {
        let mut process = shell("exit 3");
        assert_eq!(process.wait().await.unwrap().code(), Some(3));
        process.stop(Duration::from_secs(5)).await;
        assert_eq!(process.ended().and_then(|status| status.code()), Some(3));
    }
}
