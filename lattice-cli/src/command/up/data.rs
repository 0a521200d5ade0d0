//! The folder of one `lattice up`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lattice_protocol::id::HostId;

use super::log::Log;
use super::running::HOST_STOP_GRACE;
use crate::connection::NATS_URL_FILE;
use crate::private;
use crate::process::leftover;

/// How long a folder may be held by a process that is on its way out, such as one just killed.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// How often it is tried.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// The folder of one `lattice up`, locked: it belongs to one at a time.
pub(super) struct Data {
    folder: PathBuf,
    /// The lock ends with the handle, so also with the process.
    _lock: File,
}

impl Data {
    /// Makes the folder if there is none, and locks it.
    pub(super) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let name = folder.display().to_string();
        private::create_folder(folder)?;
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
        if !locked(&lock).await {
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

    pub(super) fn host_log(&self) -> Log {
        Log::new(self.folder.join("host.log"))
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
        private::write(&self.folder.join(NATS_URL_FILE), &format!("{url}\n"))
    }

    pub(super) fn forget_url(&self) {
        // It may never have been written.
        let _ = std::fs::remove_file(self.folder.join(NATS_URL_FILE));
    }
}

async fn locked(file: &File) -> bool {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        if file.try_lock().is_ok() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_folder_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Data::open(folder.path()).await.unwrap();
        let error = Data::open(folder.path())
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string();
        let process = format!("(process {})", std::process::id());
        assert!(
            error.contains(&process) && error.contains("--data"),
            "{error}"
        );
        drop(first);
        assert!(Data::open(folder.path()).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_else_reads_the_folder_or_the_address_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let data = Data::open(&folder).await.unwrap();
        let url = folder.join(NATS_URL_FILE);
        // One that an earlier version left, readable by all.
        std::fs::write(&url, "nats://old").unwrap();
        std::fs::set_permissions(&url, Permissions::from_mode(0o644)).unwrap();
        data.write_url("nats://user:pw@one").unwrap();
        assert_eq!(
            std::fs::read_to_string(&url).unwrap(),
            "nats://user:pw@one\n"
        );
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&url)), (0o700, 0o600));
    }

    #[tokio::test]
    async fn the_host_keeps_its_id_over_starts() {
        let folder = tempfile::tempdir().unwrap();
        let id = Data::open(folder.path()).await.unwrap().host_id().unwrap();
        assert_eq!(
            Data::open(folder.path()).await.unwrap().host_id().unwrap(),
            id
        );
    }
}
