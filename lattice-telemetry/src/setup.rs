//! From what is wanted to the last flush.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::Telemetry;
use crate::listener::Listener;
use crate::metrics::{Process, Registry};
use crate::otlp::Otlp;

/// The variable that says where metrics are shown: for providers, whose command line is their host's.
pub const LISTEN: &str = "LATTICE_METRICS";

/// What a process shows of itself, and where.
///
/// What goes out by OTLP is in the environment, as OpenTelemetry spells it: nothing goes out unless
/// `OTEL_EXPORTER_OTLP_ENDPOINT`, or the same for traces or metrics alone, names a collector.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the process is: `lattice-host`, `provider-keyvalue`.
    pub service: &'static str,
    /// Which of them.
    pub instance: String,
    /// Its lattice.
    pub lattice: String,
    /// Its version.
    pub version: &'static str,
    /// Where `GET /metrics` is answered; nowhere if absent.
    pub metrics: Option<SocketAddr>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Metrics can't be shown there.
    #[error(
        "failed to show metrics on {address}: {source}; give --metrics (LATTICE_METRICS) an \
         address of this machine that is free, such as 127.0.0.1:9090"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// What shows a process, until [`Running::shutdown`].
#[must_use = "spans that have not left are lost unless it is shut down"]
pub struct Running {
    telemetry: Telemetry,
    otlp: Otlp,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Setup {
    /// Begins to show what is wanted. A collector that is not there, or not named as it should be,
    /// stops nobody: the log says so.
    pub async fn start(self) -> Result<Running, Error> {
        let listener = match self.metrics {
            Some(address) => {
                let bound = Listener::bind(address).await;
                Some(bound.map_err(|source| Error::Listen { address, source })?)
            }
            None => None,
        };
        let otlp = Otlp::from_env(&self);
        let registry = (listener.is_some() || otlp.has_metrics()).then(|| {
            let process = Process::new(self.labels());
            Arc::new(Registry::new(process, otlp.durations()))
        });
        if let Some(registry) = &registry {
            registry.add(otlp.counts());
            otlp.observe(registry);
        }
        let tracer = otlp.tracer();
        let telemetry = Telemetry::new(registry, tracer);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(listener) = listener {
            info!("metrics at http://{}/metrics", listener.address());
            tasks.spawn(listener.run(telemetry.clone(), stop.clone()));
        }
        Ok(Running {
            telemetry,
            otlp,
            stop,
            tasks,
        })
    }

    fn labels(&self) -> Vec<(&'static str, String)> {
        vec![
            ("service", self.service.to_owned()),
            ("instance", self.instance.clone()),
            ("lattice", self.lattice.clone()),
            ("version", self.version.to_owned()),
        ]
    }
}

impl Running {
    /// The handle to give to what is shown.
    pub fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// Lets out what has not left, for at most five seconds; then nothing is shown any more.
    pub async fn shutdown(self) {
        self.otlp.shutdown().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Also when the process could not start what it is for.
impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
