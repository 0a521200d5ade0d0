//! Who a process has started, and who those have started in turn.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::Pid;

use super::pid;

/// Every process below this one, as the system lists them now.
pub(super) fn descendants(root: u32) -> Vec<Pid> {
    let children = children();
    let mut found = Vec::new();
    let mut ask = vec![root];
    while let Some(parent) = ask.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            found.extend(pid(*child));
            ask.push(*child);
        }
    }
    found
}

/// The children of every process.
fn children() -> BTreeMap<u32, Vec<u32>> {
    let pairs = match Path::new("/proc/self/stat").exists() {
        true => from_proc(),
        false => from_ps(),
    };
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (child, parent) in pairs {
        children.entry(parent).or_default().push(child);
    }
    children
}

fn from_proc() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let child = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before the last bracket may hold anything; state and parent follow it.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((child, parent.parse().ok()?))
        })
        .collect()
}

fn from_ps() -> Vec<(u32, u32)> {
    let listed = std::process::Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output();
    let Ok(listed) = listed else {
        return Vec::new();
    };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            let (child, parent) = line.trim().split_once(' ')?;
            Some((child.parse().ok()?, parent.trim().parse().ok()?))
        })
        .collect()
}
