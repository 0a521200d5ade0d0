//! TLS: a certificate from files, and connections that speak it.
//!
//! TLS 1.2 and 1.3; ALPN offers `h2` and `http/1.1`. The files are read again every few seconds
//! (`tls/renewal.rs`): new connections get the new certificate, open ones go on. What can't be used
//! is reported once, and the certificate before stays.

mod identity;
mod renewal;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;

pub(crate) use identity::Fault;
use identity::{Identity, read};

/// Handshakes at once: each costs a millisecond of a core and some 50 KB, and a crowd that comes
/// back after a restart is let in at the pace of the machine. Those beyond wait, within their time.
const HANDSHAKES_MAX: usize = 1024;

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Files {
    /// The certificate and those between it and a root, in this order.
    pub(crate) cert: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// What speaks TLS with clients, by a certificate that is kept up to date until this is dropped.
pub(crate) struct Tls {
    files: Files,
    config: Arc<ServerConfig>,
    #[cfg(test)]
    current: Arc<Current>,
    handshakes: Semaphore,
    _renewal: AbortOnDropHandle<()>,
}

/// The certificate in force.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

/// Why a connection did not come to speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the handshake took too long")]
    Slow,
    #[error("the handshake failed: {0}")]
    Failed(std::io::Error),
}

impl Files {
    /// Whether these can be the names of files.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (field, path) in [("tls.cert", &self.cert), ("tls.key", &self.key)] {
            if !path.is_absolute() {
                return Err(Error::RelativePath {
                    field,
                    path: path.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Tls {
    /// Loads the certificate and begins to keep it up to date.
    pub(crate) async fn load(files: &Files) -> Result<Self, Error> {
        let pem = read(files).await?;
        let identity = Identity::parse(files, &pem)?;
        let current = Arc::new(Current(RwLock::new(identity.key)));
        let config = config(current.clone())
            .map_err(|error| Fault::Refused(files.cert.clone(), error.to_string()))?;
        Ok(Self {
            files: files.clone(),
            config: Arc::new(config),
            #[cfg(test)]
            current: current.clone(),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
            _renewal: AbortOnDropHandle::new(tokio::spawn(renewal::run(
                files.clone(),
                pem,
                current,
            ))),
        })
    }

    /// Whether it is about these files.
    pub(crate) fn is_of(&self, files: &Files) -> bool {
        self.files == *files
    }

    /// Makes a connection speak TLS, within `timeout`.
    pub(crate) async fn accept<S>(
        &self,
        stream: S,
        timeout: Duration,
    ) -> Result<TlsStream<S>, Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            // Never closed, so there is always a permit in the end.
            let _permit = self.handshakes.acquire().await;
            TlsAcceptor::from(self.config.clone()).accept(stream).await
        };
        tokio::time::timeout(timeout, handshake)
            .await
            .map_err(|_| Refused::Slow)?
            .map_err(Refused::Failed)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

fn config(current: Arc<Current>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Clients come back without a whole handshake, and nothing is kept here for each of them.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

#[cfg(test)]
#[path = "tls_test.rs"]
mod tests;
