//! Whom TLS trusts: the authorities of the system, and those of `ca`.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tracing::warn;

use crate::error::Error;

/// The largest `ca` that is read: the authorities of a whole system have a quarter of it.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// What TLS to servers is spoken with.
pub(super) async fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    // Hundreds of files on some systems.
    let native = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    match native {
        Ok(native) => {
            for error in &native.errors {
                warn!(%error, "some authorities of this system can't be read");
            }
            roots.add_parsable_certificates(native.certs);
        }
        Err(error) => warn!(%error, "the authorities of this system can't be read"),
    }
    if let Some(path) = ca {
        add(&mut roots, path).await?;
    }
    if roots.is_empty() {
        warn!("no authority is trusted, so no https request will succeed: write outgoing.ca");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Certificate(error.to_string()))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let refused = |reason: String| {
        let path = path.display();
        Error::Certificate(format!(
            "{path}: {reason}; outgoing.ca names a PEM file of authorities, readable for this process"
        ))
    };
    let bytes = read(path)
        .await
        .map_err(|error| refused(error.to_string()))?;
    let mut count = 0;
    for found in CertificateDer::pem_slice_iter(&bytes) {
        let found = found.map_err(|error| refused(error.to_string()))?;
        roots
            .add(found)
            .map_err(|error| refused(error.to_string()))?;
        count += 1;
    }
    match count {
        0 => Err(refused("there is no certificate in it".to_owned())),
        _ => Ok(()),
    }
}

async fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(CA_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    match bytes.len() as u64 > CA_BYTES_MAX {
        true => Err(std::io::Error::other("it has more than 1 MiB")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_without_an_authority_says_what_belongs_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for content in [
            None,
            Some(""),
            Some("nothing"),
            Some("-----BEGIN CERTIFICATE-----\n!\n"),
        ] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let error = client(Some(&path)).await.unwrap_err().to_string();
            assert!(error.contains("outgoing.ca names a PEM file"), "{error}");
        }
    }
}
