//! Ends a server when this process is killed and can't.

use std::process::Stdio;

use tokio::process::Command;

use crate::process::Process;

/// A shell whose input ends with this process, however that ends; it then kills the server.
/// Dropped, it does nothing any more.
#[must_use = "nothing is watched when it is dropped"]
pub(super) struct Watcher(Process);

impl Watcher {
    /// Watches for the process of this number.
    pub(super) fn start(server: u32) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("read -r nothing; kill -9 {server}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Process::spawn(command).map(Self)
    }

    /// Ends it, and waits until it has ended.
    pub(super) async fn dismiss(mut self) {
        self.0.kill();
        let _ = self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim() -> Process {
        let mut command = Command::new("sh");
        command
            .args(["-c", "read -r nothing"])
            .stdin(Stdio::piped());
        Process::spawn(command).unwrap()
    }

    #[tokio::test]
    async fn whoever_is_watched_is_killed_when_the_input_of_the_watcher_ends() {
        let mut victim = victim();
        let mut watcher = Watcher::start(victim.id().unwrap()).unwrap();
        watcher.0.close_input();
        assert!(!victim.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_watcher_that_is_dismissed_leaves_everybody_alone() {
        let mut victim = victim();
        let watcher = Watcher::start(victim.id().unwrap()).unwrap();
        watcher.dismiss().await;
        assert!(victim.ended().is_none());
    }
}
