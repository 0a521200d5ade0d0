//! A certificate and its key, from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::io::AsyncReadExt as _;

use super::Files;

/// The largest file that is read: a chain has some KB, and a path may name anything.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a certificate can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The file can't be read.
    #[error("failed to read {}: {}; it must be there, and readable for this process", .0.display(), .1)]
    Unreadable(PathBuf, String),
    /// The file is far larger than what belongs there.
    #[error("{} has more than 1 MiB: name a PEM file", .0.display())]
    TooLarge(PathBuf),
    /// There is no certificate in the file, or a broken one.
    #[error("{} holds no certificate chain in PEM: {}", .0.display(), .1)]
    NoCertificate(PathBuf, String),
    /// There is no private key in the file, or a broken one.
    #[error("{} holds no private key in PEM: {}; it must not be encrypted", .0.display(), .1)]
    NoKey(PathBuf, String),
    /// Both are there and don't go together, or their kind is not supported.
    #[error("{} can't be used: {}; the key must be of the first certificate in the chain", .0.display(), .1)]
    Refused(PathBuf, String),
}

/// The files as they were read.
#[derive(PartialEq, Eq)]
pub(super) struct Pem {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate that can be used.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
}

/// Reads both files.
pub(super) async fn read(files: &Files) -> Result<Pem, Fault> {
    Ok(Pem {
        cert: read_file(&files.cert).await?,
        key: read_file(&files.key).await?,
    })
}

async fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    let unreadable = |error: std::io::Error| Fault::Unreadable(path.to_owned(), error.to_string());
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Vec::new();
    let mut file = file.take(FILE_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Fault::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

impl Identity {
    /// The certificate and key in `pem`.
    pub(super) fn parse(files: &Files, pem: &Pem) -> Result<Self, Fault> {
        let no_certificate = |why: String| Fault::NoCertificate(files.cert.clone(), why);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem.cert)
            .collect::<Result<_, _>>()
            .map_err(|error| no_certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(no_certificate("there is no such section".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&pem.key)
            .map_err(|error| Fault::NoKey(files.key.clone(), error.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| Fault::Refused(files.cert.clone(), error.to_string()))?;
        Ok(Self { key: Arc::new(key) })
    }
}
