//! The folder of one `lattice up`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lattice_protocol::id::HostId;

use super::running::HOST_STOP_GRACE;
use crate::connection::NATS_URL_FILE;
use crate::process::leftover;

/// How many of the host's last lines are shown when something fails.
const LOG_LINES_SHOWN: usize = 12;
/// How much of the end of the host's log is read for them.
const LOG_BYTES_READ: u64 = 16 * 1024;

/// The folder of one `lattice up`, locked: it belongs to one at a time.
pub(super) struct Data {
    folder: PathBuf,
    /// The lock ends with the handle, so also with the process.
    _lock: File,
}

impl Data {
    /// Makes the folder if there is none, and locks it.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let name = folder.display().to_string();
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create {name}"))?;
        let folder = folder
            .canonicalize()
            .with_context(|| format!("failed to find {name}"))?;
        let path = folder.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let mut lock = lock.with_context(|| format!("failed to open {}", path.display()))?;
        if lock.try_lock().is_err() {
            let holder = std::fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "another `lattice up` (process {}) keeps its data in {name}: stop it, or name another \
                 folder with --data",
                holder.trim()
            );
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        // Nothing here belongs into version control.
        std::fs::write(folder.join(".gitignore"), "*\n")?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Stops the host that a killed `up` may have left behind; it stops by itself, but perhaps not
    /// yet. Its nats-server is seen to by the next one.
    pub(super) async fn clear_leftovers(&self) -> anyhow::Result<()> {
        let word = self.host_folder().to_string_lossy().into_owned();
        leftover::stop(&self.host_pid_path(), &word, HOST_STOP_GRACE).await
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn nats_folder(&self) -> PathBuf {
        self.folder.join("nats")
    }

    pub(super) fn host_folder(&self) -> PathBuf {
        self.folder.join("host")
    }

    pub(super) fn host_pid_path(&self) -> PathBuf {
        self.folder.join("host.pid")
    }

    pub(super) fn host_log_path(&self) -> PathBuf {
        self.folder.join("host.log")
    }

    /// The id of this folder's host, the same at every start.
    pub(super) fn host_id(&self) -> anyhow::Result<HostId> {
        let path = self.folder.join("host.id");
        if let Ok(text) = std::fs::read_to_string(&path)
            && let Ok(id) = text.trim().parse()
        {
            return Ok(id);
        }
        let id = HostId::random();
        std::fs::write(&path, format!("{id}\n"))
            .with_context(|| format!("failed to write {}", path.display()))?;
        Ok(id)
    }

    /// Tells other commands in this folder which server to ask.
    pub(super) fn write_url(&self, url: &str) -> anyhow::Result<()> {
        let path = self.folder.join(NATS_URL_FILE);
        std::fs::write(&path, format!("{url}\n"))
            .with_context(|| format!("failed to write {}", path.display()))
    }

    pub(super) fn forget_url(&self) {
        // It may never have been written.
        let _ = std::fs::remove_file(self.folder.join(NATS_URL_FILE));
    }

    /// The last lines of the host's log, indented.
    pub(super) fn host_log_tail(&self) -> String {
        let path = self.host_log_path();
        let text = tail(&path).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        let mut said = format!("the end of {}:", path.display());
        for line in shown {
            said.push_str("\n  ");
            said.push_str(line);
        }
        said
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_READ)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Data::open(folder.path()).unwrap();
        let error = Data::open(folder.path())
            .map(|_| ())
            .unwrap_err()
            .to_string();
        let process = format!("(process {})", std::process::id());
        assert!(
            error.contains(&process) && error.contains("--data"),
            "{error}"
        );
        drop(first);
        assert!(Data::open(folder.path()).is_ok());
    }

    #[test]
    fn the_host_keeps_its_id_over_starts() {
        let folder = tempfile::tempdir().unwrap();
        let id = Data::open(folder.path()).unwrap().host_id().unwrap();
        assert_eq!(Data::open(folder.path()).unwrap().host_id().unwrap(), id);
    }
}
