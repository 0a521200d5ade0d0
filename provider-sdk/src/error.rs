//! Why a provider ended, or refused its settings.

use lattice_client::{ConnectError, ServeError, StateError};
use lattice_protocol::id::ProviderName;

/// Why a provider ended, or refused its settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// What is declared can't be read.
    #[error("failed to read what is declared: {0}")]
    State(#[from] StateError),
    /// Calls can't be taken.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The first settings don't fit the provider.
    #[error("failed to start provider {provider}: {reason}")]
    Settings {
        /// The provider.
        provider: ProviderName,
        /// What is wrong with them.
        reason: String,
    },
    /// What the provider itself reports.
    #[error("{0}")]
    Provider(String),
    /// The connection ended for good.
    #[error("the connection to NATS was closed")]
    Closed,
}

impl Error {
    /// What a provider reports in its own words.
    pub fn provider(message: impl Into<String>) -> Self {
        Self::Provider(message.into())
    }

    /// Whether NATS can't be reached, at the start or any more.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Closed)
    }
}
