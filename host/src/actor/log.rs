//! What an actor says: standard output and error by lines, and the host's words about it.
//!
//! An actor that prints in a loop must neither block itself nor flood the lattice: lines past the
//! actor's bytes per second, or past what can be published, are left out and counted.

mod about;
mod lines;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use lattice_client::{Client, now_rfc3339};
use lattice_protocol::id::{ActorName, HostId};
use lattice_protocol::log::{Level, Record, Stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub use about::About;
pub use lines::Lines;

/// The longest line; a longer one is cut into several.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// What a record takes beside its message, which also counts: an empty line is not for nothing.
const RECORD_BYTES: u64 = 256;
/// How many records of one actor may wait to be published.
const QUEUE_MAX: usize = 1024;

/// The log of one actor; clones share it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    actor: ActorName,
    host: HostId,
    client: Client,
    runtime: Handle,
    /// Opened by the first record: most actors say nothing, and a queue takes its room empty.
    records: OnceLock<mpsc::Sender<Record>>,
    budget: Mutex<Budget>,
}

/// How many bytes may still be logged now.
struct Budget {
    bytes_per_s: u64,
    left: u64,
    refilled: Instant,
    left_out: u64,
}

/// The two streams of one call.
pub struct Output {
    log: Log,
    about: About,
    tail: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// The log of an actor; what it says is published until the log is dropped.
    pub fn open(client: Client, host: HostId, actor: ActorName, bytes_per_s: u64) -> Self {
        let budget = Budget {
            bytes_per_s,
            left: bytes_per_s,
            refilled: Instant::now(),
            left_out: 0,
        };
        let shared = Shared {
            actor,
            host,
            client,
            runtime: Handle::current(),
            records: OnceLock::new(),
            budget: Mutex::new(budget),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The streams of a call.
    pub fn output(&self, about: About) -> Output {
        Output {
            log: self.clone(),
            about,
            tail: Arc::default(),
        }
    }

    /// The host's word on a call: why it trapped.
    pub fn trap(&self, about: About, message: &str) {
        for line in message.lines() {
            self.say(Level::Error, Stream::Host, about, line.to_owned());
        }
    }

    fn say(&self, level: Level, stream: Stream, about: About, message: String) {
        let left_out = match lock(&self.shared.budget).take(message.len() as u64 + RECORD_BYTES) {
            Some(left_out) => left_out,
            None => return,
        };
        if left_out > 0 {
            let message = format!("{left_out} lines were left out: raise log_bytes_per_s");
            self.send(Level::Warn, Stream::Host, None, message);
        }
        self.send(level, stream, Some(about), message);
    }

    fn send(&self, level: Level, stream: Stream, about: Option<About>, message: String) {
        let record = Record {
            time: now_rfc3339(),
            target: (&self.shared.actor).into(),
            host: self.shared.host.clone(),
            level,
            stream,
            call: about.map(|about| about.call),
            trace: about.and_then(|about| about.trace),
            message,
        };
        if self.shared.records().try_send(record).is_err() {
            lock(&self.shared.budget).left_out += 1;
        }
    }
}

impl Shared {
    fn records(&self) -> &mpsc::Sender<Record> {
        self.records.get_or_init(|| {
            let (records, queue) = mpsc::channel(QUEUE_MAX);
            // By its handle: the last that a guest says may be said where no runtime is entered.
            self.runtime.spawn(publish(self.client.clone(), queue));
            records
        })
    }
}

async fn publish(client: Client, mut queue: mpsc::Receiver<Record>) {
    while let Some(record) = queue.recv().await {
        tracing::info!(
            actor = %record.target,
            stream = %record.stream,
            call = record.call.map(tracing::field::display),
            trace = record.trace.map(tracing::field::display),
            "{}", record.message
        );
        client.publish_log(&record).await;
    }
}

impl Budget {
    /// Takes a line's bytes; answers how many lines were left out before it, or `None` to leave it out.
    fn take(&mut self, bytes: u64) -> Option<u64> {
        let now = Instant::now();
        let elapsed = now.duration_since(self.refilled).as_millis();
        let earned = u64::try_from(elapsed)
            .unwrap_or(u64::MAX)
            .saturating_mul(self.bytes_per_s)
            / 1000;
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(self.bytes_per_s);
            self.refilled = now;
        }
        if bytes > self.left {
            self.left_out += 1;
            return None;
        }
        self.left -= bytes;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Output {
    /// Standard output.
    pub fn stdout(&self) -> Lines {
        self.lines(Stream::Stdout, None)
    }

    /// Standard error.
    pub fn stderr(&self) -> Lines {
        self.lines(Stream::Stderr, Some(self.tail.clone()))
    }

    /// A record with a level of the guest's choice, cut into lines.
    pub fn record(&self, level: Level, message: &str) {
        for line in pieces(message) {
            self.log
                .say(level, Stream::Logging, self.about, line.to_owned());
        }
    }

    /// The host's word on what the guest was refused, and what to write to allow it.
    pub fn refusal(&self, message: &str) {
        let message = message.to_owned();
        self.log.say(Level::Warn, Stream::Host, self.about, message);
    }

    /// The last of standard error: what a guest that traps has to say about it.
    pub fn tail(&self) -> Tail {
        Tail(self.tail.clone())
    }

    fn lines(&self, stream: Stream, tail: Option<Arc<Mutex<Vec<u8>>>>) -> Lines {
        Lines::new(self.log.clone(), self.about, stream, tail)
    }
}

/// The last of a call's standard error, readable after the guest is gone.
pub struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    /// What was said, on one line.
    pub fn text(&self) -> String {
        let bytes = lock(&self.0);
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Tail {
    /// What a Rust guest panicked with: the place, and the first line of the message below it.
    pub fn panic(&self) -> Option<String> {
        let bytes = lock(&self.0);
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text
            .lines()
            .skip_while(|line| !line.contains("panicked at"));
        let place = lines.next()?;
        let place = &place[place.find("panicked at")?..];
        Some(format!("{place} {}", lines.next().unwrap_or_default()))
    }
}

/// The lines of a message, those that are too long cut into several; an empty message is one empty line.
fn pieces(message: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(message);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.floor_char_boundary(LINE_BYTES_MAX);
        // A line break counts that stands behind the longest line.
        let line = text.find('\n').filter(|at| *at <= end).unwrap_or(end);
        let after = &text[line..];
        let after = after.strip_prefix('\n').unwrap_or(after);
        rest = (!after.is_empty()).then_some(after);
        let line = &text[..line];
        Some(line.strip_suffix('\r').unwrap_or(line))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(message: &str) -> Vec<&str> {
        pieces(message).collect()
    }

    #[test]
    fn a_message_is_cut_into_lines_and_loses_nothing() {
        assert_eq!(cut("one\r\ntwo\n\nfour\n"), ["one", "two", "", "four"]);
        assert_eq!(cut(""), [""]);
        let long = "ä".repeat(LINE_BYTES_MAX);
        let lines = cut(&long);
        assert!(lines.iter().all(|line| line.len() <= LINE_BYTES_MAX));
        assert_eq!((lines.len(), lines.concat()), (2, long));
        let full = format!("{}\nnext", "x".repeat(LINE_BYTES_MAX));
        assert_eq!(cut(&full).len(), 2);
    }
}
