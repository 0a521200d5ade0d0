//! The server with what its files say: a password, whom TLS trusts, and who this process is.
//!
//! All are read anew for each connection, so that a password or a certificate may change without a
//! word to the provider.

use std::io;
use std::path::Path;

use ::redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, TlsCertificates};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;

use super::config::Config;

/// The longest password: far longer than any that is used, far shorter than a file that is none.
const PASSWORD_BYTES_MAX: u64 = 4 * 1024;
/// The largest file of certificates or of a key: the authorities of a whole system have a quarter of it.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// What `ca` names.
const AUTHORITIES: &str = "a PEM file of authorities";

/// What connections are made by, or which setting is wrong.
pub(super) async fn client(config: &Config) -> Result<Client, String> {
    let mut server = config.server()?;
    if let Some(path) = &config.password_file {
        server = with_password(server, &password(path).await?);
    }
    if !matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
        return Client::open(server).map_err(|error| error.to_string());
    }
    // A second time is the same again: TLS here is rustls with ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = TlsCertificates {
        client_tls: identity(config).await?,
        root_cert: match &config.ca {
            Some(path) => Some(pem("ca", path, AUTHORITIES, holds_certificates).await?),
            None => None,
        },
    };
    // Each file is in order by itself: what is left is that one does not do for what it is meant for.
    Client::build_with_tls(server, certificates)
        .map_err(|error| format!("{error}; of TLS, ca names {AUTHORITIES}"))
}

/// Who this process is to a server that asks.
async fn identity(config: &Config) -> Result<Option<ClientTlsConfig>, String> {
    let (Some(cert), Some(key)) = (&config.cert, &config.key) else {
        return Ok(None);
    };
    let of_cert = "a PEM file of a certificate, and of those between it and its authority";
    Ok(Some(ClientTlsConfig {
        client_cert: pem("cert", cert, of_cert, holds_certificates).await?,
        client_key: pem("key", key, "a PEM file of the key of cert", holds_key).await?,
    }))
}

/// A file that `holds` what it is meant to, or which setting is wrong and what belongs there.
async fn pem(
    setting: &str,
    path: &Path,
    meant: &str,
    holds: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let bytes = read(path, PEM_BYTES_MAX).await;
    let bytes = bytes.map_err(|error| error.to_string());
    let held = bytes.and_then(|bytes| holds(&bytes).map(|()| bytes));
    held.map_err(|reason| {
        let path = path.display();
        format!("{setting} {path}: {reason}; it names {meant}, readable for this process")
    })
}

fn holds_certificates(bytes: &[u8]) -> Result<(), String> {
    let mut certificates = CertificateDer::pem_slice_iter(bytes).peekable();
    if certificates.peek().is_none() {
        return Err("it has no certificate".to_owned());
    }
    let all = certificates.try_for_each(|certificate| certificate.map(drop));
    all.map_err(|error| error.to_string())
}

fn holds_key(bytes: &[u8]) -> Result<(), String> {
    let key = PrivateKeyDer::from_pem_slice(bytes);
    key.map(drop).map_err(|error| error.to_string())
}

fn with_password(server: ConnectionInfo, password: &str) -> ConnectionInfo {
    let settings = server.redis_settings().clone().set_password(password);
    server.set_redis_settings(settings)
}

/// The first line of the file.
async fn password(path: &Path) -> Result<String, String> {
    let refused = |reason: &str| {
        let path = path.display();
        format!("password_file {path}: {reason}; its first line is the password")
    };
    let bytes = read(path, PASSWORD_BYTES_MAX).await;
    let bytes = bytes.map_err(|error| refused(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not text"))?;
    match text.lines().next() {
        None | Some("") => Err(refused("it begins with no password")),
        Some(line) => Ok(line.to_owned()),
    }
}

async fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).await?;
    match bytes.len() as u64 > bytes_max {
        true => Err(io::Error::other(format!(
            "it has more than {bytes_max} bytes"
        ))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn made(config: serde_json::Value) -> Result<Client, String> {
        let config = Config::read(config.as_object().unwrap().clone()).unwrap();
        client(&config).await
    }

    #[tokio::test]
    async fn the_first_line_of_the_file_is_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret\nnot this\n").unwrap();
        let config = json!({"url": "redis://user@host", "password_file": path});
        let settings = made(config).await.unwrap();
        let settings = settings.get_connection_info().redis_settings().clone();
        assert_eq!(settings.password(), Some("s3cret"));
        assert_eq!(settings.username(), Some("user"));
    }

    #[tokio::test]
    async fn a_file_that_is_wrong_is_named_with_what_belongs_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let many = "x".repeat(5_000);
        for content in [None, Some(""), Some("\nlater"), Some(many.as_str())] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let config = json!({"url": "redis://host", "password_file": path});
            let told = made(config).await.unwrap_err();
            assert!(
                told.contains("password_file") && told.contains("first line"),
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_of_tls_that_is_wrong_is_named_with_what_belongs_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.pem");
        let missing = folder.path().join("missing.pem");
        for content in ["", "-----BEGIN CERTIFICATE-----\n!\n"] {
            std::fs::write(&path, content).unwrap();
            for (setting, config) in [
                ("ca", json!({"url": "rediss://host", "ca": path})),
                (
                    "cert",
                    json!({"url": "rediss://host", "cert": path, "key": missing}),
                ),
            ] {
                let told = made(config).await.unwrap_err();
                let name = format!("{setting} {}", path.display());
                assert!(told.starts_with(&name), "{told}");
                assert!(told.contains("it names a PEM file"), "{told}");
            }
        }
        assert!(holds_key(b"").is_err());
        assert!(
            holds_key(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").is_err()
        );
    }
}
