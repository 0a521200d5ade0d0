//! The `lattice` binary as people run it, and everything that it starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::eventually;

mod family;

pub use family::{Relative, all_gone};
use family::{descendants, pid};

/// When a command that should end is given up: far above what any takes.
const END_WITHIN: Duration = Duration::from_secs(120);

/// A process that runs. Dropped, it is killed with everything that it ever started.
#[must_use = "the process is killed when it is dropped"]
pub struct Running {
    child: Child,
    lines: Lines,
    results: Lines,
    family: Mutex<BTreeMap<u32, Relative>>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// What it printed, both streams, by line.
    pub lines: Vec<String>,
    /// What of it is its result: its standard output.
    pub results: Vec<String>,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

/// A command of `program`, in `folder`, that knows nothing of a lattice but what it is told.
pub fn command(program: &Path, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder);
    for name in [
        "LATTICE_NATS",
        "LATTICE",
        "LATTICE_CREDS",
        "RUST_LOG",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
///
/// # Panics
/// If it does not end.
pub async fn run(command: Command) -> Ended {
    Running::start(command).ended().await
}

impl Running {
    /// Starts a command.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let (lines, results) = (Lines::default(), Lines::default());
        let both = vec![lines.clone(), results.clone()];
        tokio::spawn(read(child.stdout.take(), both));
        tokio::spawn(read(child.stderr.take(), vec![lines.clone()]));
        Self {
            child,
            lines,
            results,
            family: Mutex::default(),
        }
    }

    /// Its number.
    ///
    /// # Panics
    /// If it has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// How much memory it has, by the system's count.
    ///
    /// # Panics
    /// If it has ended.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most memory that it ever had, likewise.
    ///
    /// # Panics
    /// If it has ended.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// Lets the peak of its memory begin anew, from what it has now.
    ///
    /// # Panics
    /// If it has ended.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("the system tells its memory")
            * 1024
    }

    /// What it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.so_far()
    }

    /// Waits until it has printed a line with these words.
    pub async fn prints(&mut self, words: &str) -> String {
        eventually(&format!("a line with {words:?}"), async || {
            if let Some(found) = self.lines.with(words) {
                return Ok(found);
            }
            let Ok(Some(status)) = self.child.try_wait() else {
                return Err(self.lines.so_far());
            };
            // Its last words may not have been read yet.
            let all = self.lines.whole().await.join("\n");
            let found = self.lines.with(words);
            Ok(found.unwrap_or_else(|| panic!("it ended ({status}) without {words:?}:\n{all}")))
        })
        .await
    }

    /// Sends a signal to it alone, as a terminal's ctrl-c reaches it.
    pub fn signal(&self, signal: Signal) {
        self.family();
        kill_process(pid(self.pid()), signal).expect("the process is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn ended(mut self) -> Ended {
        let wait = tokio::time::timeout(END_WITHIN, self.child.wait()).await;
        let status = wait
            .unwrap_or_else(|_| panic!("it did not end: {:#?}", self.lines()))
            .unwrap();
        // Its pipes close with it, or with the last process that it left.
        Ended {
            status,
            lines: self.lines.whole().await,
            results: self.results.whole().await,
        }
    }

    /// Everything it started that runs now, with what those started.
    pub fn family(&self) -> Vec<Relative> {
        let mut family = self.family.lock().unwrap();
        if let Some(id) = self.child.id() {
            for relative in descendants(id) {
                family.insert(relative.pid, relative);
            }
        }
        family
            .values()
            .filter(|relative| relative.runs())
            .cloned()
            .collect()
    }

    /// The one of its family whose command line has these words.
    pub async fn relative(&self, words: &str) -> Relative {
        eventually(&format!("a process with {words:?}"), async || {
            let family = self.family();
            let found = family
                .iter()
                .find(|relative| relative.command.contains(words))
                .cloned();
            found.ok_or(family)
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let family = self.family();
        // First, as it would start anew what ends under it.
        let _ = self.child.start_kill();
        for relative in family {
            relative.signal(Signal::KILL);
        }
    }
}

impl Ended {
    /// All that it printed.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Its result as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        let text = self.results.join("\n");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Reads a stream to its end; each line goes into all of these.
async fn read(stream: Option<impl AsyncRead + Unpin>, into: Vec<Lines>) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        for lines in &into {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.0.lock().unwrap().push(line);
        }
    }
}

impl Lines {
    fn so_far(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The first with these words.
    fn with(&self, words: &str) -> Option<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().find(|line| line.contains(words)).cloned()
    }

    /// All lines, once both readers are at their end.
    async fn whole(&self) -> Vec<String> {
        eventually("the output ends", async || {
            if Arc::strong_count(&self.0) == 1 {
                Ok(())
            } else {
                Err(self.so_far())
            }
        })
        .await;
        self.so_far()
    }
}
