//! Compiled components on disk: `<data>/compiled/<engine>/<digest>.cwasm`, with a checksum beside it.
//!
//! Machine code can't be verified, so it never comes from the network: only this process writes
//! here, into a folder that only its user can open, and a file is loaded only if its checksum fits.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use lattice_protocol::digest::Digest;
use tracing::warn;
use wasmtime::component::Component;

use super::{Error, tidy};

const OWNER_ONLY: u32 = 0o700;

pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The folder for what this engine compiles: other settings or versions have another.
    pub(super) fn open(data: &Path, engine: &wasmtime::Engine) -> Result<Self, Error> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let folder = data
            .join("compiled")
            .join(format!("{:016x}", hasher.finish()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(OWNER_ONLY)
            .create(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(OWNER_ONLY)))
            .map_err(|source| Error::Cache {
                what: "make a folder",
                source,
            })?;
        Ok(Self { folder })
    }

    /// Where the code is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.cwasm", digest.hex()))
    }

    fn checksum_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.sum", digest.hex()))
    }

    /// The compiled component, if it is there and whole.
    pub(super) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(digest);
        let sum = fs::read_to_string(self.checksum_path(digest)).ok()?;
        let code = fs::read(&path).ok()?;
        if Digest::of(&code).as_str() != sum {
            warn!(%digest, "compiled code was changed on disk, compiling anew");
            return None;
        }
        // SAFETY: the file was written by this program for this engine into a folder that only its
        // user can open, and its bytes are those that were written.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => {
                tidy::touch(&self.checksum_path(digest));
                Some(component)
            }
            Err(error) => {
                warn!(%digest, error = %format!("{error:#}"), "compiled code can't be loaded");
                None
            }
        }
    }

    /// Keeps compiled code. The checksum comes last: what has none is not loaded.
    pub(super) fn store(&self, digest: &Digest, code: &[u8]) -> Result<(), Error> {
        self.write(&self.path(digest), code)?;
        self.write(
            &self.checksum_path(digest),
            Digest::of(code).as_str().as_bytes(),
        )
    }

    /// Notes that a component is not for this engine, but for the one for async functions.
    pub(super) fn pass_on(&self, digest: &Digest) -> Result<(), Error> {
        self.write(&self.elsewhere(digest), &[])
    }

    /// Whether that was noted.
    pub(super) fn is_passed_on(&self, digest: &Digest) -> bool {
        self.elsewhere(digest).exists()
    }

    fn elsewhere(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.async", digest.hex()))
    }

    /// Whole or not at all: a process may be killed at any point, and two may write at once.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let failed = |source| Error::Cache {
            what: "write a file",
            source,
        };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
