//! `provider-http`: the provider as a process of its own. All it needs is in the environment:
//!
//! | variable | default | |
//! |---|---|---|
//! | `LATTICE_PROVIDER` | | which declared provider this is |
//! | `LATTICE_NATS` | `nats://127.0.0.1:4222` | the NATS server |
//! | `LATTICE` | `default` | the lattice |
//! | `LATTICE_CREDS` | | a NATS credentials file |
//! | `LATTICE_METRICS` | | where metrics are shown, such as `127.0.0.1:9090` |
//! | `OTEL_*` | | where traces and metrics are sent, as OpenTelemetry says |
//! | `RUST_LOG` | `info` | what is logged, to stderr |

use std::process::ExitCode;

use anyhow::Context as _;
use lattice_client::process::{self, variable};
use provider_sdk::{Options, run_shown};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes, without a backtrace: it is written for the operator.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
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
    let run = provider_http::run;
    run_shown("provider-http", options, metrics, shutdown, run).await?;
    Ok(())
}
