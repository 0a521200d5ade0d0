//! A process that a killed one left behind: it holds a data folder, so it is stopped first.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::process::{Pid, Signal};

use super::pid;

/// How often it is looked at while it stops.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Stops the process whose number is in the file, if `word` is on its command line: its number may
/// be somebody else's by now.
pub(crate) async fn stop(pid_file: &Path, word: &str, grace: Duration) -> anyhow::Result<()> {
    let Some(id) = read(pid_file) else {
        return Ok(());
    };
    for signal in [Signal::TERM, Signal::KILL] {
        if !runs_with(id, word) {
            return Ok(());
        }
        // An error means that it has just ended, or is not ours: the next look tells.
        let _ = rustix::process::kill_process(id, signal);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && runs_with(id, word) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
    ensure!(
        !runs_with(id, word),
        "an earlier process ({}) can't be stopped",
        id.as_raw_nonzero()
    );
    Ok(())
}

fn read(path: &Path) -> Option<Pid> {
    std::fs::read_to_string(path)
        .ok()?
        .trim()
        .parse()
        .ok()
        .and_then(pid)
}

/// A process that has ended and was not collected has no command line.
fn runs_with(id: Pid, word: &str) -> bool {
    let id = id.as_raw_nonzero().get();
    if Path::new("/proc/self/cmdline").exists() {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        return line
            .split(|byte| *byte == 0)
            .any(|found| found == word.as_bytes());
    }
    let listed = std::process::Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &id.to_string()])
        .output();
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(word))
}
