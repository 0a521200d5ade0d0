//! The host's log: a file that the host appends to by itself, so that it goes on when this process
//! is killed, and that this process keeps from growing without end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A log of this size is put aside, in place of the one that was put aside before.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How many of the last lines are shown when something fails.
const LINES_SHOWN: usize = 12;
/// How much of the end of the log is read for them.
const TAIL_BYTES: u64 = 16 * 1024;

/// The host's log.
pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Puts the log of an earlier run aside.
    pub(super) fn begin(&self) -> anyhow::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        std::fs::rename(&self.path, self.aside())
            .with_context(|| format!("failed to put {} aside", self.path.display()))
    }

    /// Opens it for a host to append to.
    pub(super) fn open(&self) -> anyhow::Result<File> {
        let file = File::options().create(true).append(true).open(&self.path);
        file.with_context(|| format!("failed to write {}", self.path.display()))
    }

    /// Puts a copy aside and empties it, if it has grown too large: whoever appends goes on at its
    /// new end. Lines that come in between are lost.
    pub(super) fn bound(&self) -> std::io::Result<()> {
        if std::fs::metadata(&self.path)?.len() > LOG_BYTES_MAX {
            std::fs::copy(&self.path, self.aside())?;
            File::options().write(true).open(&self.path)?.set_len(0)?;
        }
        Ok(())
    }

    /// Its last lines, indented, under its path.
    pub(super) fn tail(&self) -> String {
        let text = tail(&self.path).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let mut said = format!("the end of {}:", self.path.display());
        for line in &lines[lines.len().saturating_sub(LINES_SHOWN)..] {
            said.push_str("\n  ");
            said.push_str(line);
        }
        said
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("log.old")
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_that_grows_too_large_is_put_aside_and_whoever_appends_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("host.log"));
        let mut file = log.open().unwrap();
        file.write_all(&vec![b'x'; LOG_BYTES_MAX as usize + 1])
            .unwrap();
        log.bound().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        log.bound().unwrap();
        assert_eq!(std::fs::read_to_string(&log.path).unwrap(), "one\ntwo\n");
        assert_eq!(
            std::fs::metadata(log.aside()).unwrap().len(),
            LOG_BYTES_MAX + 1
        );
        assert!(
            log.tail().ends_with("host.log:\n  one\n  two"),
            "{}",
            log.tail()
        );
    }

    #[test]
    fn each_run_begins_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("host.log"));
        log.begin().unwrap();
        log.open().unwrap().write_all(b"first").unwrap();
        log.begin().unwrap();
        assert_eq!(log.tail().lines().count(), 1);
        assert_eq!(std::fs::read_to_string(log.aside()).unwrap(), "first");
    }
}
