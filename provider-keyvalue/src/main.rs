//! The key-value provider as a process of its own: settings from the environment, then
//! `provider_keyvalue::run` until a signal.

use anyhow::Context as _;
use provider_sdk::Options;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let shutdown = CancellationToken::new();
    cancel_on_signal(&shutdown)?;
    provider_keyvalue::run(options()?, shutdown).await?;
    Ok(())
}

/// `LATTICE_NATS`, `LATTICE`, `LATTICE_CREDS` and `LATTICE_PROVIDER`, which is the provider's name.
fn options() -> anyhow::Result<Options> {
    let name = variable("LATTICE_PROVIDER")?
        .context("LATTICE_PROVIDER is not set: it names which declared provider this is")?;
    let client = lattice_client::Options {
        nats: variable("LATTICE_NATS")?.unwrap_or_else(|| "nats://127.0.0.1:4222".into()),
        creds: variable("LATTICE_CREDS")?.map(Into::into),
        lattice: variable("LATTICE")?
            .as_deref()
            .unwrap_or("default")
            .parse()?,
        name: format!("provider {name}"),
    };
    Ok(Options::new(client, name.parse()?))
}

fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read {name}")),
    }
}

fn cancel_on_signal(shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}
