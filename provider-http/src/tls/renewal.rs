//! Keeping a certificate up to date with its files.
//!
//! The files are read again and compared, because that holds however they are replaced: in place,
//! by a rename, by another target of a link. Between the two writes of a renewal they may not go
//! together; then the next lap finds the pair.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info};

use super::identity::{Fault, Identity, Pem, read};
use super::{Current, Files};

/// How often the files are read: two small reads, and a renewal is weeks before its need.
pub(super) const LAP: Duration = Duration::from_secs(5);

/// Puts each new pair that can be used in force.
pub(super) async fn run(files: Files, pem: Pem, current: Arc<Current>) {
    let mut renewal = Renewal {
        files,
        seen: Ok(pem),
        current,
    };
    loop {
        tokio::time::sleep(LAP).await;
        renewal.lap().await;
    }
}

pub(super) struct Renewal {
    pub(super) files: Files,
    /// What was read last, or why it couldn't be: so that the same is not reported twice.
    pub(super) seen: Result<Pem, Fault>,
    pub(super) current: Arc<Current>,
}

impl Renewal {
    /// Looks once; what can't be used is reported and changes nothing.
    pub(super) async fn lap(&mut self) {
        let found = read(&self.files).await;
        if found == self.seen {
            return;
        }
        let parsed = match &found {
            Ok(pem) => Identity::parse(&self.files, pem).map_err(|fault| fault.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        self.seen = found;
        let cert = self.files.cert.display();
        match parsed {
            Ok(identity) => {
                self.current.set(identity.key);
                info!(%cert, "the certificate was renewed");
            }
            Err(error) => {
                error!(%cert, error, "the new certificate was refused: the one before stays")
            }
        }
    }
}
