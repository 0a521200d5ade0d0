//! `lattice provider`.

use anyhow::Context as _;
use lattice_client::process::{self, variable};
use lattice_protocol::id::ProviderName;
use provider_sdk::Options;

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
        let options = Options::new(client, self.name);
        match self.kind {
            Kind::Http => provider_http::run(options, shutdown).await?,
            Kind::Keyvalue => provider_keyvalue::run(options, shutdown).await?,
        }
        Ok(())
    }
}
