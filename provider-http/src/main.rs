//! `provider-http`: the provider as a process of its own. All it needs is in the environment:
//!
//! | variable | default | |
//! |---|---|---|
//! | `LATTICE_PROVIDER` | | which declared provider this is |
//! | `LATTICE_NATS` | `nats://127.0.0.1:4222` | the NATS server |
//! | `LATTICE` | `default` | the lattice |
//! | `LATTICE_CREDS` | | a NATS credentials file |
//! | `RUST_LOG` | `info` | what is logged, to stderr |

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use provider_sdk::Options;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
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
    let options = options()?;
    let shutdown = shutdown().context("failed to listen for signals")?;
    provider_http::run(options, shutdown).await?;
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let name = env::var("LATTICE_PROVIDER")
        .ok()
        .context("LATTICE_PROVIDER is not set: set it to the name of a declared provider")?;
    let client = lattice_client::Options {
        nats: env::var("LATTICE_NATS").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned()),
        creds: env::var_os("LATTICE_CREDS").map(Into::into),
        lattice: match env::var("LATTICE") {
            Ok(lattice) => lattice.parse()?,
            Err(_) => Default::default(),
        },
        name: format!("provider {name}"),
    };
    Ok(Options::new(client, name.parse()?))
}

/// Cancelled at the first SIGTERM or ctrl-c.
fn shutdown() -> std::io::Result<CancellationToken> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        cancel.cancel();
    });
    Ok(token)
}
