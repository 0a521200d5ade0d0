//! The server as a provider of the lattice.

use std::sync::Arc;

use async_trait::async_trait;
use lattice_client::Client;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use provider_sdk::{Call, Error, Provider, Reply, Settings, Telemetry};

use crate::server::Server;
use crate::shown::Shown;

/// What it answers: where it listens, as `host:port`. With port 0 nothing else tells.
pub const ADDRESS: &str = "lattice:http/listener.address";

/// An HTTP server in front of actors.
pub(crate) struct HttpProvider {
    name: ProviderName,
    address: Endpoint,
    server: Arc<Server<Client>>,
}

impl HttpProvider {
    /// A provider that calls actors over `client`.
    pub(crate) fn new(
        client: Client,
        name: ProviderName,
        telemetry: Telemetry,
    ) -> Result<Self, Error> {
        let shown = Shown::new(telemetry, client.lattice().clone(), name.clone());
        let refused = |error: String| Error::provider(error);
        Ok(Self {
            name,
            address: ADDRESS
                .parse()
                .map_err(|error: lattice_protocol::id::Error| refused(error.to_string()))?,
            server: Arc::new(
                Server::shown(client, shown).map_err(|error| refused(error.to_string()))?,
            ),
        })
    }

    /// The server behind it.
    pub(crate) fn server(&self) -> Arc<Server<Client>> {
        self.server.clone()
    }
}

#[async_trait]
impl Provider for HttpProvider {
    fn endpoints(&self) -> Vec<Endpoint> {
        vec![self.address.clone()]
    }

    async fn configure(&self, settings: &Settings) -> Result<(), Error> {
        let applied = self.server.apply(&settings.config, &settings.routes).await;
        // Every message ends with what to write; this says where.
        applied.map_err(|error| Error::provider(format!("{error} in [provider.{}]", self.name)))
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let unavailable = || CallError::refused(ErrorCode::Unavailable, "it does not listen");
        let address = self.server.address().await.ok_or_else(unavailable)?;
        call.reply(&address.to_string())
    }

    async fn stop(&self) {
        self.server.stop().await;
    }
}
