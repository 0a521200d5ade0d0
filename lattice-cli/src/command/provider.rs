//! `lattice provider`.

use std::net::SocketAddr;

use anyhow::Context as _;
use lattice_client::process::{self, variable};
use lattice_protocol::id::ProviderName;
use provider_sdk::{Options, run_shown};

use crate::connection::Connection;
use crate::logging;

/// Run a provider that this program carries, until ctrl-c, or until standard input ends if
/// LATTICE_SUPERVISED=1. Hosts start the providers that a manifest declares by themselves.
#[derive(Debug, clap::Args)]
pub struct Provider {
    /// What it is.
    #[arg(value_enum)]
    kind: Kind,

    /// Which of the declared providers it is.
    #[arg(long, env = variable::PROVIDER, value_name = "NAME")]
    name: ProviderName,

    /// Address on which metrics are shown: GET /metrics for Prometheus, and GET /healthz.
    #[arg(long, env = lattice_telemetry::LISTEN, value_name = "ADDR", hide_env_values = true)]
    metrics: Option<SocketAddr>,

    /// How log lines look; RUST_LOG chooses what is logged.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: logging::Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Serves HTTP and passes requests on to actors.
    Http,
    /// Answers wasi:keyvalue.
    Keyvalue,
}

impl Provider {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        logging::start(self.log_format);
        let shutdown = process::shutdown().context("failed to listen to signals")?;
        let client = connection.options(format!("lattice-provider-{}", self.name));
        let mut options = Options::new(client, self.name);
        options.process = process::own_id()?;
        match self.kind {
            Kind::Http => {
                run_shown(
                    "provider-http",
                    options,
                    self.metrics,
                    shutdown,
                    provider_http::run,
                )
                .await?;
            }
            Kind::Keyvalue => {
                let run = provider_keyvalue::run;
                run_shown("provider-keyvalue", options, self.metrics, shutdown, run).await?;
            }
        }
        Ok(())
    }
}
