//! What a process writes: read line by line, bounded in length and in number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lattice_protocol::log::Stream;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::time::{Instant, sleep_until};

use super::outbox::Outbox;

/// The longest line: a backtrace's longest symbol fits, and twenty of them fit an event.
const LINE_LEN_MAX: usize = 4096;
/// Lines of one stream that are passed on in a `WINDOW`: a chatty start fits, a runaway loop
/// costs the lattice no more than this.
const LINES_MAX: u32 = 200;
const WINDOW: Duration = Duration::from_secs(1);
/// How many lines a crash event carries: a panic with its message and the log before it.
const TAIL_LINES: usize = 20;
const CUT: &str = " … (cut)";

/// The last lines of a process, over both of its streams.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

/// Passes lines on until the stream ends.
pub(super) async fn pump(pipe: impl AsyncRead + Unpin, stream: Stream, tail: Tail, outbox: Outbox) {
    let mut lines = Lines::new(pipe);
    let mut rate = Rate::new(Instant::now());
    loop {
        let read = tokio::select! {
            line = lines.next() => Some(line),
            // A flood that stops is told of without waiting for the next line.
            () = sleep_until(rate.ends), if rate.left_out > 0 => None,
        };
        let now = Instant::now();
        rate.settle(now, &outbox);
        match read {
            None => {}
            Some(None) => break,
            Some(Some(line)) => {
                tail.push(&line);
                if !(rate.admit(now) && outbox.say(stream, line)) {
                    rate.left_out += 1;
                }
            }
        }
    }
    rate.settle(rate.ends, &outbox);
}

/// Counts lines in windows of time.
struct Rate {
    ends: Instant,
    passed: u32,
    left_out: u64,
}

impl Rate {
    fn new(now: Instant) -> Self {
        Self {
            ends: now + WINDOW,
            passed: 0,
            left_out: 0,
        }
    }

    fn admit(&mut self, now: Instant) -> bool {
        if now >= self.ends {
            self.ends = now + WINDOW;
            self.passed = 0;
        }
        self.passed = self.passed.saturating_add(1);
        self.passed <= LINES_MAX
    }

    /// At the end of a window, says what was left out in it.
    fn settle(&mut self, now: Instant, outbox: &Outbox) {
        if self.left_out > 0 && now >= self.ends {
            let why = format!("a provider may write {LINES_MAX} a second to each stream");
            outbox.left_out(std::mem::take(&mut self.left_out), &why);
        }
    }
}

/// Reads lines; a read that is given up loses nothing.
struct Lines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
    cut: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(pipe: R) -> Self {
        Self {
            pipe: BufReader::new(pipe),
            line: Vec::new(),
            cut: false,
        }
    }

    /// The next line, or the rest at the end; a pipe that can't be read has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            let bytes = self.pipe.fill_buf().await.unwrap_or_default();
            if bytes.is_empty() {
                let rest = !self.line.is_empty() || self.cut;
                return rest.then(|| self.take());
            }
            let end = bytes.iter().position(|b| *b == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = LINE_LEN_MAX.saturating_sub(self.line.len());
            self.cut |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.pipe.consume(used);
            if end.is_some() {
                return Some(self.take());
            }
        }
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&bytes)
            .trim_end_matches('\r')
            .to_owned();
        if std::mem::take(&mut self.cut) {
            line.push_str(CUT);
        }
        line
    }
}

#[cfg(test)]
#[path = "output_test.rs"]
mod tests;
