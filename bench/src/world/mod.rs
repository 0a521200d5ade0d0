//! A lattice of the bench's own: a nats-server and hosts in processes of their own, on free ports.

mod app;
mod host;
mod redis;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_nats::jetstream;
use lattice_cli::nats_server::{self, NatsServer};
use lattice_client::Client;
use lattice_protocol::id::LatticeId;
use tempfile::TempDir;

use crate::rows::Bench;
use crate::usage::Watch;
pub(crate) use host::HostProcess;
pub(crate) use redis::redis;

/// How long anything may take to be there, on a machine that is busy with something else.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often is looked: short against anything that is waited for here.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A server with a client of it. Dropped, all of it is gone.
#[must_use = "the server is killed when it is dropped"]
pub(crate) struct World {
    client: Client,
    nats: NatsServer,
    folder: TempDir,
}

impl World {
    pub(crate) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder")?;
        let path = folder.path().join("nats");
        let options = nats_server::Options::new(bench.nats_server.clone(), path);
        let nats = NatsServer::start(options).await?;
        let client = Client::connect(client_options(&nats.url(), "bench")).await?;
        Ok(Self {
            client,
            nats,
            folder,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.nats.url()
    }

    /// A client that knows lattices.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A connection of its own that knows NATS and nothing else.
    pub(crate) async fn plain(&self) -> anyhow::Result<async_nats::Client> {
        Ok(async_nats::connect(self.url()).await?)
    }

    /// JetStream over a connection of its own.
    pub(crate) async fn jetstream(&self) -> anyhow::Result<jetstream::Context> {
        Ok(jetstream::new(self.plain().await?))
    }

    /// This process and the server.
    pub(crate) fn watch(&self) -> anyhow::Result<Watch> {
        Ok(Watch::client().and("nats-server", self.nats_pid()?))
    }

    /// The number of the server's process.
    pub(crate) fn nats_pid(&self) -> anyhow::Result<u32> {
        self.nats.id().context("nats-server has ended")
    }
}

pub(crate) fn client_options(nats: &str, name: &str) -> lattice_client::Options {
    lattice_client::Options {
        nats: nats.to_owned(),
        creds: None,
        lattice: LatticeId::default(),
        name: name.to_owned(),
    }
}

/// Looks until it is there; what stands in the way is the error if it doesn't come.
pub(crate) async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(error) if began.elapsed() > READY_WITHIN => {
                bail!("{what}: not within {READY_WITHIN:?}: {error:#}")
            }
            Err(_) => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    }
}
