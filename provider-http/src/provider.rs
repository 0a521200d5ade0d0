//! The server, and what sends requests, as a provider of the lattice.

use std::sync::Arc;

use async_trait::async_trait;
use lattice_client::Client;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use provider_sdk::{Call, Caller, Error, Out, Provider, Reply, Settings, Telemetry};

use crate::config::Config;
use crate::outgoing::{self, Outgoing};
use crate::server::Server;
use crate::shown::Shown;

/// What it answers: where it listens, as `host:port`. With port 0 nothing else tells.
pub const ADDRESS: &str = "lattice:http/listener.address";

/// An HTTP server in front of actors, and their way out.
pub(crate) struct HttpProvider {
    name: ProviderName,
    address: Endpoint,
    handle: Endpoint,
    server: Arc<Server<Caller>>,
    outgoing: Outgoing,
}

impl HttpProvider {
    /// A provider that calls actors by `out`, or over `client`.
    pub(crate) fn new(
        client: Client,
        out: Option<Out>,
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
            handle: outgoing::handle().map_err(|error| refused(error.to_string()))?,
            outgoing: Outgoing::default(),
            server: Arc::new(
                Server::shown(Caller::new(client, out), shown)
                    .map_err(|error| refused(error.to_string()))?,
            ),
        })
    }

    /// The server behind it.
    pub(crate) fn server(&self) -> Arc<Server<Caller>> {
        self.server.clone()
    }

    async fn apply(&self, settings: &Settings) -> Result<(), crate::Error> {
        let Settings {
            config,
            routes,
            links,
            ..
        } = settings;
        let limits = Config::read(config)?.outgoing;
        self.outgoing.apply(limits, links).await?;
        match listens(settings) {
            true => self.server.apply(config, routes).await,
            false => {
                self.server.rest().await;
                Ok(())
            }
        }
    }
}

/// Whether there is anything to listen for: a provider that only sends requests for actors has neither
/// routes nor `listen`.
fn listens(settings: &Settings) -> bool {
    let only_sends = settings.links.iter().any(outgoing::is_for);
    !only_sends || !settings.routes.is_empty() || settings.config.contains_key("listen")
}

#[async_trait]
impl Provider for HttpProvider {
    fn endpoints(&self) -> Vec<Endpoint> {
        vec![self.address.clone(), self.handle.clone()]
    }

    async fn configure(&self, settings: &Settings) -> Result<(), Error> {
        // Every message ends with what to write; this says where.
        let applied = self.apply(settings).await;
        applied.map_err(|error| Error::provider(format!("{error} in [provider.{}]", self.name)))
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        if call.endpoint == self.handle {
            return self.outgoing.call(call).await;
        }
        let unavailable = || CallError::refused(ErrorCode::Unavailable, "it does not listen");
        let address = self.server.address().await.ok_or_else(unavailable)?;
        call.reply(&address.to_string())
    }

    async fn stop(&self) {
        self.server.stop().await;
    }
}
