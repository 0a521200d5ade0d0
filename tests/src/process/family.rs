//! The processes that a process has started, by what the system says.

use std::collections::BTreeMap;

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually;

/// A process that another one started, directly or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// When it was started: a number may be given anew.
    started: u64,
}

impl Relative {
    /// Whether it runs.
    pub fn runs(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != "Z")
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        if self.runs() {
            let _ = kill_process(pid(self.pid), signal);
        }
    }
}

/// Waits until none of these runs any more.
pub async fn all_gone(family: &[Relative]) {
    eventually("every process has ended", async || {
        let left: Vec<_> = family.iter().filter(|relative| relative.runs()).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}

struct Stat {
    state: String,
    parent: u32,
    started: u64,
}

/// What the system says of a process: `pid (name) state parent …`, its start as the 22nd field.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(") ")?.1.split(' ').collect();
    Some(Stat {
        state: (*fields.first()?).to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Everything that it has started and that runs now, with what those started.
pub(super) fn descendants(ancestor: u32) -> Vec<Relative> {
    let entries = std::fs::read_dir("/proc").expect("the tests of processes need /proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let all: BTreeMap<u32, Stat> = pids.filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            all.iter()
                .filter(|(_, stat)| stat.parent == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    let children = found.into_iter().skip(1);
    children
        .map(|pid| Relative {
            pid,
            command: command_line(pid),
            started: all[&pid].started,
        })
        .collect()
}

fn command_line(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line)
        .replace('\0', " ")
        .trim_end()
        .to_owned()
}

/// A process's number as the system takes it.
pub(super) fn pid(id: u32) -> Pid {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process number")
}
