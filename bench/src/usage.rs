//! What processes use up, as the system counts it.

use std::fs;

use anyhow::Context as _;

/// The system counts processor time in hundredths of a second, on every Linux that is built today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Less than this for each answer is a heartbeat, not a part in it.
const SHOWN_MIN: f64 = 0.5;

/// Processes to watch, each with a name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    processes: Vec<(&'static str, u32)>,
}

/// The processor time of each watched process, in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    micros: Vec<(&'static str, f64)>,
}

impl Watch {
    /// Watches this process, which is the client.
    pub(crate) fn client() -> Self {
        Self::default().and("client", std::process::id())
    }

    pub(crate) fn and(mut self, name: &'static str, pid: u32) -> Self {
        self.processes.push((name, pid));
        self
    }

    pub(crate) fn nothing(&self) -> Used {
        self.each(|_| 0.0)
    }

    pub(crate) fn now(&self) -> Used {
        self.each(|pid| cpu_micros(pid).unwrap_or(0.0))
    }

    fn each(&self, micros: impl Fn(u32) -> f64) -> Used {
        let processes = self.processes.iter();
        Used {
            micros: processes.map(|(name, pid)| (*name, micros(*pid))).collect(),
        }
    }
}

impl Used {
    /// Adds what is used up while some work is done.
    pub(crate) async fn during<T>(&mut self, watch: &Watch, work: impl Future<Output = T>) -> T {
        let before = watch.now();
        let done = work.await;
        let after = watch.now();
        let spans = before.micros.iter().zip(&after.micros);
        for ((_, sum), ((_, before), (_, after))) in self.micros.iter_mut().zip(spans) {
            *sum += after - before;
        }
        done
    }

    /// As text: so much processor time for each answer, of the processes that had a part in it.
    pub(crate) fn by_answer(&self, answers: u64) -> String {
        let each = |(name, micros): &(_, f64)| (*name, micros / answers.max(1) as f64);
        let parts = self.micros.iter().map(each);
        let parts = parts.filter(|(_, micros)| *micros >= SHOWN_MIN);
        let parts: Vec<_> = parts.map(|(name, us)| format!("{name} {us:.1}")).collect();
        parts.join(" + ")
    }
}

/// The fields of `/proc/PID/stat` after the name, which may hold anything.
fn cpu_micros(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND * 1e6)
}

/// What a process holds in memory now, in KiB: all of it, and what no file backs.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<(f64, f64)> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .with_context(|| format!("no {name} in {path}"))
    };
    Ok((field("VmRSS:")?, field("RssAnon:")?))
}

/// How busy the machine is, in the system's own words: the load of the last 1, 5 and 15 minutes.
pub(crate) fn machine() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, load {}", load.join(" "))
}
