//! A host with all that it shows of itself, from its start to the last flush.

use std::net::SocketAddr;

use lattice_protocol::id::HostId;
use lattice_telemetry::Setup;
use tokio_util::sync::CancellationToken;

use crate::host::{self, Error};
use crate::options::Options;
use crate::reconcile::home;

/// What the process is, to whoever watches it.
const SERVICE: &str = "lattice-host";

/// Runs a host until `shutdown`, or until an operator asks it to leave; shows its metrics on `metrics`,
/// and by OTLP what the environment asks for.
pub async fn run_shown(
    mut options: Options,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    // What is shown is shown under the host's id, from the first moment on.
    let kept = || home::kept_id(&options.data);
    let id = options.id.clone().or_else(kept);
    let id = id.unwrap_or_else(HostId::random);
    let setup = Setup {
        service: SERVICE,
        instance: id.to_string(),
        lattice: options.client.lattice.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        metrics,
    };
    let shown = setup.start().await?;
    options.id = Some(id);
    options.telemetry = shown.telemetry();
    let ended = host::run(options, shutdown).await;
    shown.shutdown().await;
    ended
}
