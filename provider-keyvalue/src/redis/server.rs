//! The server with what its files say: a password, and whom TLS trusts.
//!
//! Both are read anew for each connection, so that a password or an authority may change without a
//! word to the provider.

use std::io;
use std::path::Path;

use ::redis::{Client, ConnectionAddr, ConnectionInfo, TlsCertificates};
use tokio::io::AsyncReadExt as _;

use super::config::Config;

/// The longest password: far longer than any that is used, far shorter than a file that is none.
const PASSWORD_BYTES_MAX: u64 = 4 * 1024;
/// The largest `ca`: the authorities of a whole system have a quarter of it.
const CA_BYTES_MAX: u64 = 1024 * 1024;

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
    let Some(path) = &config.ca else {
        return Client::open(server).map_err(|error| error.to_string());
    };
    let refused = |reason: String| {
        let path = path.display();
        format!(
            "ca {path}: {reason}; it names a PEM file of authorities, readable for this process"
        )
    };
    let root_cert = read(path, CA_BYTES_MAX).await;
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(root_cert.map_err(|error| refused(error.to_string()))?),
    };
    Client::build_with_tls(server, certificates).map_err(|error| refused(error.to_string()))
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
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
        let told = made(json!({"url": "rediss://host", "ca": path}))
            .await
            .unwrap_err();
        assert!(told.contains("names a PEM file"), "{told}");
    }
}
