//! The key-value provider as a process of its own: settings from the environment, then
//! `provider_keyvalue::run` until a signal.

use anyhow::Context as _;
use lattice_client::process::{self, variable};
use provider_sdk::{Options, run_shown};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let name = process::read(variable::PROVIDER)?
        .context("LATTICE_PROVIDER is not set: set it to the name of a declared provider")?;
    let client = process::options_from_env(format!("provider {name}"))?;
    let shutdown = process::shutdown().context("failed to listen for signals")?;
    let options = Options {
        process: process::own_id()?,
        ..Options::new(client, name.parse()?)
    };
    let metrics = process::read(lattice_telemetry::LISTEN)?.map(|text| text.parse());
    let metrics = metrics
        .transpose()
        .context("LATTICE_METRICS is no address: write it like 127.0.0.1:9090")?;
    let run = provider_keyvalue::run;
    run_shown("provider-keyvalue", options, metrics, shutdown, run).await?;
    Ok(())
}
