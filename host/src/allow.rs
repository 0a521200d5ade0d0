//! What the operator of a host allows the actors on it: folders, sockets, names. Nothing unless told.
//!
//! A manifest may come from anybody who may send one; what it grants holds only as far as each host
//! allows it. A refusal names the flag that would allow it.

use std::fmt;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lattice_config::Grants;
use lattice_config::app::{Folder, GuestPath, Mode, NameRule, SocketRule};

/// The flags by which an operator allows something.
const FILES_FLAG: &str = "--allow-files";
const SOCKETS_FLAG: &str = "--allow-sockets";
const NAMES_FLAG: &str = "--allow-names";
/// What stands behind a folder that may only be read.
const READ_ONLY: &str = ":ro";

/// What actors may be granted on a host.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    /// The folders, each with all below it.
    pub files: Vec<AllowedFolder>,
    /// The sockets.
    pub sockets: Vec<SocketRule>,
    /// The names that may be looked up.
    pub names: Vec<NameRule>,
}

/// A folder that actors may be granted: `DIR`, or `DIR:ro` if only to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedFolder {
    path: PathBuf,
    mode: Mode,
}

/// A folder that was granted and allowed, open.
#[derive(Debug)]
pub struct Opened {
    /// Where the actor sees it.
    pub guest: GuestPath,
    /// What leads to it.
    pub path: PathBuf,
    /// Held until it was opened by that path: whatever its name leads to later, it is this one.
    _held: File,
    /// What may be done in it.
    pub mode: Mode,
}

/// Why what is granted can't be had on this host.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator did not allow it.
    #[error("it is granted {what}, which this host does not allow: start the host with {flag}")]
    Denied {
        /// What is granted.
        what: String,
        /// What would allow it.
        flag: String,
    },
    /// The folder can't be opened.
    #[error(
        "it is granted the folder {path}, which this host can't open: {source}; make it here, or let `require` choose hosts that have it"
    )]
    Folder {
        /// The folder.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The host has no threads left to wait for its disk.
    #[error("the threads that would wait for its files can't be started: {0}")]
    Threads(std::io::Error),
}

impl Allow {
    /// Opens the folders that are granted, if everything that is granted is allowed here.
    pub fn open(&self, grants: &Grants) -> Result<Vec<Opened>, Error> {
        for rule in &grants.sockets {
            if !self.sockets.iter().any(|allowed| allowed.covers(rule)) {
                return Err(denied(format!("socket {rule}"), SOCKETS_FLAG, rule));
            }
        }
        for rule in &grants.names {
            if !self.names.iter().any(|allowed| allowed.covers(rule)) {
                return Err(denied(format!("name {rule}"), NAMES_FLAG, rule));
            }
        }
        let files = grants.files.iter();
        files
            .map(|(guest, granted)| {
                let (path, folder) = self.folder(granted)?;
                Ok(Opened {
                    guest: guest.clone(),
                    path,
                    mode: granted.mode,
                    _held: folder,
                })
            })
            .collect()
    }

    /// Opens a folder. Its path may lead through links, and somebody may change these meanwhile: what
    /// counts is what was opened in the end.
    fn folder(&self, granted: &Folder) -> Result<(PathBuf, File), Error> {
        let path = Path::new(granted.from.as_str());
        let failed = |source| Error::Folder {
            path: granted.from.to_string(),
            source,
        };
        let real = match path.canonicalize() {
            Ok(real) => real,
            // Whether something is there is nobody's business where nothing is allowed.
            Err(_) if !self.covers(path, granted.mode) => return Err(refused(path, granted.mode)),
            Err(source) => return Err(failed(source)),
        };
        if !self.covers(&real, granted.mode) {
            return Err(refused(&real, granted.mode));
        }
        let folder = File::open(&real).map_err(failed)?;
        if !folder.metadata().map_err(failed)?.is_dir() {
            return Err(failed(std::io::ErrorKind::NotADirectory.into()));
        }
        let descriptor = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        match std::fs::read_link(&descriptor) {
            Ok(opened) if self.covers(&opened, granted.mode) => Ok((descriptor, folder)),
            Ok(opened) => Err(refused(&opened, granted.mode)),
            // A system that can't tell: there the path that was looked at must do.
            Err(_) => Ok((real, folder)),
        }
    }

    fn covers(&self, path: &Path, mode: Mode) -> bool {
        self.files.iter().any(|allowed| allowed.covers(path, mode))
    }
}

impl AllowedFolder {
    fn covers(&self, path: &Path, mode: Mode) -> bool {
        if mode == Mode::ReadWrite && self.mode == Mode::Read {
            return false;
        }
        let real = self.path.canonicalize();
        path.starts_with(real.as_ref().unwrap_or(&self.path))
    }
}

impl fmt::Display for AllowedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = suffix(self.mode);
        write!(f, "{}{suffix}", self.path.display())
    }
}

impl FromStr for AllowedFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, mode) = match text.strip_suffix(READ_ONLY) {
            Some(path) => (path, Mode::Read),
            None => (text, Mode::ReadWrite),
        };
        match std::path::absolute(path) {
            Ok(path) => Ok(Self { path, mode }),
            Err(_) => Err("write it as DIR, or DIR:ro if it may only be read".into()),
        }
    }
}

fn refused(path: &Path, mode: Mode) -> Error {
    let (path, suffix) = (path.display(), suffix(mode));
    denied(
        format!("the folder {path} to {mode}"),
        FILES_FLAG,
        format_args!("{path}{suffix}"),
    )
}

/// What stands behind a folder in the flag that allows it.
fn suffix(mode: Mode) -> &'static str {
    match mode {
        Mode::Read => READ_ONLY,
        Mode::ReadWrite => "",
    }
}

fn denied(what: String, flag: &str, value: impl std::fmt::Display) -> Error {
    Error::Denied {
        what,
        flag: format!("{flag} {value}"),
    }
}

#[cfg(test)]
#[path = "allow_test.rs"]
mod tests;
