//! The process itself.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Samples, Value, family};

/// What never changes of this process.
#[derive(Debug)]
pub(crate) struct Process {
    labels: Vec<(&'static str, String)>,
    started: SystemTime,
}

impl Process {
    /// A process that starts now.
    pub(crate) fn new(labels: Vec<(&'static str, String)>) -> Self {
        Self {
            labels,
            started: SystemTime::now(),
        }
    }

    pub(crate) fn samples(&self, to: &mut Samples) {
        let labels: Vec<_> = self.labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        to.number(&family::BUILD_INFO, &labels, 1_u32);
        if let Some(bytes) = resident_bytes() {
            to.number(&family::MEMORY, &[], bytes);
        }
        if let Ok(since) = self.started.duration_since(UNIX_EPOCH) {
            to.put(&family::STARTED, &[], Value::Number(since.as_secs_f64()));
        }
    }
}

/// As Linux tells it; elsewhere nobody does, and the metric is absent.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}
