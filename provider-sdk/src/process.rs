//! A provider as a process of its own, with all that it shows of itself.

use std::net::SocketAddr;

use lattice_telemetry::Setup;
use tokio_util::sync::CancellationToken;

use crate::{Error, Options};

/// Runs a provider until `shutdown`, and shows its metrics on `metrics`, and by OTLP what the
/// environment asks for. `service` is what the process is to whoever watches it: `provider-http`.
pub async fn run_shown<F>(
    service: &'static str,
    mut options: Options,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
    run: impl FnOnce(Options, CancellationToken) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let setup = Setup {
        service,
        instance: options.name.to_string(),
        lattice: options.client.lattice.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        metrics,
    };
    let shown = setup.start().await;
    let shown = shown.map_err(|error| Error::provider(error.to_string()))?;
    options.telemetry = shown.telemetry();
    let ended = run(options, shutdown).await;
    // After the last reply: what it was about leaves as well.
    shown.shutdown().await;
    ended
}
