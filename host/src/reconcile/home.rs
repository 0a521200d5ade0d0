//! What a host remembers over a restart: its id, and what it was last assigned.
//!
//! | file | holds |
//! |---|---|
//! | `lock` | nothing; locked as long as a host uses the directory |
//! | `host.id` | the host's id, so that a restarted host is the same host |
//! | `labels.json` | labels that were changed while the host ran: [`Labels`](crate::labels::Labels) |
//! | `assignment.json` | the last assignment, with its epoch: what an older leader writes is ignored |

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use lattice_config::{Assignment, state};
use lattice_protocol::id::HostId;

const LOCK: &str = "lock";
const ID: &str = "host.id";
const ASSIGNMENT: &str = "assignment.json";

/// Why a data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another host uses it.
    #[error(
        "another host uses the data directory {0}: stop it, or give this one a directory of its \
         own with --data"
    )]
    InUse(PathBuf),
    /// The id in it is not one.
    #[error("{path} does not hold a host id ({reason}): remove the file to get a new id")]
    Id {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It belongs to another host.
    #[error(
        "the data directory {path} belongs to host {owner}: leave --id away, or use another directory"
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// The host.
        owner: HostId,
    },
    /// The file system says no.
    #[error("failed to {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A host's data directory, for this process alone as long as this value lives.
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
    id: HostId,
    _lock: File,
}

impl Home {
    /// Makes and locks the directory; `id` is for a host that wants a certain one.
    pub fn open(dir: &Path, id: Option<HostId>) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(io("make the directory", dir))?;
        let lock = lock(dir)?;
        let id = settle_id(dir, id)?;
        Ok(Self {
            dir: dir.to_owned(),
            id,
            _lock: lock,
        })
    }

    /// The host's id.
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// Remembers an assignment.
    pub fn save(&self, assignment: &Assignment) -> Result<(), Error> {
        let path = self.dir.join(ASSIGNMENT);
        let bytes = state::encode(assignment)
            .map_err(|error| io("write", &path)(io::Error::other(error)))?;
        write_whole(&path, &bytes)
    }

    /// The epoch of the last assignment; 0 if there was none, or none that can be read.
    pub fn epoch(&self) -> u64 {
        let path = self.dir.join(ASSIGNMENT);
        let read = std::fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => None,
            _ => Some(error.to_string()),
        });
        let decoded = read.and_then(|bytes| {
            state::decode::<Assignment>(&bytes).map_err(|error| Some(error.to_string()))
        });
        match decoded {
            Ok(assignment) => assignment.epoch,
            Err(None) => 0,
            Err(Some(reason)) => {
                tracing::warn!(path = %path.display(), reason, "the last assignment can't be read");
                0
            }
        }
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(io("lock", &path)(source)),
    }
}

/// The id that a directory keeps, if it is there and can be read.
pub fn kept_id(dir: &Path) -> Option<HostId> {
    let text = std::fs::read_to_string(dir.join(ID)).ok()?;
    text.trim().parse().ok()
}

fn settle_id(dir: &Path, wanted: Option<HostId>) -> Result<HostId, Error> {
    let path = dir.join(ID);
    let kept = match std::fs::read_to_string(&path) {
        Ok(text) => {
            let id = text.trim().parse::<HostId>();
            Some(id.map_err(|error| Error::Id {
                path: path.clone(),
                reason: error.to_string(),
            })?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io("read", &path)(error)),
    };
    match (kept, wanted) {
        (Some(kept), Some(wanted)) if kept != wanted => Err(Error::Owner {
            path: dir.to_owned(),
            owner: kept,
        }),
        (Some(kept), _) => Ok(kept),
        (None, wanted) => {
            let id = wanted.unwrap_or_else(HostId::random);
            write_whole(&path, format!("{id}\n").as_bytes())?;
            Ok(id)
        }
    }
}

/// Writes a file so that a crash leaves the one before or this one, whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(io("write", path))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(io("write", path))?;
    file.persist(path)
        .map_err(|error| io("write", path)(error.error))?;
    Ok(())
}

fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_host_is_the_same_host() {
        let dir = tempfile::tempdir().unwrap();
        let id = Home::open(dir.path(), None).unwrap().id().clone();
        assert_eq!(Home::open(dir.path(), None).unwrap().id(), &id);
        assert_eq!(Home::open(dir.path(), Some(id.clone())).unwrap().id(), &id);
        let other = Home::open(dir.path(), Some("other".parse().unwrap())).unwrap_err();
        assert!(other.to_string().contains(id.as_str()), "{other}");
    }

    #[test]
    fn two_hosts_in_one_directory_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Home::open(dir.path(), None).unwrap();
        let error = Home::open(dir.path(), None).unwrap_err();
        assert!(matches!(error, Error::InUse(_)), "{error}");
        drop(first);
        Home::open(dir.path(), None).unwrap();
    }

    #[test]
    fn the_epoch_is_remembered_and_damage_is_not_fatal() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(dir.path(), None).unwrap();
        assert_eq!(home.epoch(), 0);
        home.save(&Assignment {
            epoch: 7,
            ..Assignment::default()
        })
        .unwrap();
        assert_eq!(home.epoch(), 7);
        std::fs::write(dir.path().join(ASSIGNMENT), "{").unwrap();
        assert_eq!(home.epoch(), 0);
    }

    #[test]
    fn a_damaged_id_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(ID), "Not an id").unwrap();
        let error = Home::open(dir.path(), None).unwrap_err().to_string();
        assert!(error.contains("remove the file"), "{error}");
    }
}
