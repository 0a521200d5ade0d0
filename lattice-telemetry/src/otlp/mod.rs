//! What leaves by OTLP, over gRPC.
//!
//! - `wanted`: what the environment asks for;
//! - this file: exporters, made once, and their last flush;
//! - `watched`: whether the collector takes what it is sent;
//! - `observed`: metrics, read when they are due.
//!
//! A batch processor with a bounded queue stands before the exporter of spans: 2048 of them
//! (`OTEL_BSP_MAX_QUEUE_SIZE`), sent every 5 s or 512 at a time. Past that they are dropped.

mod observed;
mod wanted;
mod watched;

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::metrics::{Histogram, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{info, warn};

use self::wanted::{Sampling, Wanted};
use self::watched::{Counts, Watched};
use crate::Setup;
use crate::metrics::{Callee, Registry, Source, bounds_s};
use crate::trace::Tracer;

/// How long the last of it may take to leave: whoever stops the process waits for it, and a host
/// gives its providers 12 s in all.
const FLUSH_MAX: Duration = Duration::from_secs(5);
/// How many series of one metric are told apart: the SDK's own 2000 are few for a host with thousands
/// of actors, and each takes some hundred bytes while it is sent.
const SERIES_MAX: usize = 20_000;
/// What all of this is reported under.
const SCOPE: &str = "lattice";

/// The exporters of a process.
pub(crate) struct Otlp {
    traces: Option<(SdkTracerProvider, Sampling)>,
    metrics: Option<SdkMeterProvider>,
    counts: Arc<Counts>,
}

impl Otlp {
    /// What the environment asks for. What it asks for and can't have is said, and left out: nobody is
    /// worse served because nobody watches.
    pub(crate) fn from_env(setup: &Setup) -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let counts = Arc::new(Counts::default());
        let wants = |signal| match wanted::signal(&get, signal) {
            Ok(wanted) => wanted == Wanted::Yes,
            Err(refused) => {
                warn!("{refused}");
                false
            }
        };
        let traces = match wants("TRACES") {
            true => match wanted::sampling(&get) {
                Ok(sampling) => traces(setup, sampling, counts.clone()),
                Err(refused) => {
                    warn!("{refused}");
                    None
                }
            },
            false => None,
        };
        let metrics = match wants("METRICS") {
            true => metrics(setup),
            false => None,
        };
        Self {
            traces,
            metrics,
            counts,
        }
    }

    pub(crate) fn has_metrics(&self) -> bool {
        self.metrics.is_some()
    }

    pub(crate) fn tracer(&self) -> Tracer {
        match &self.traces {
            Some((provider, sampling)) => {
                let sdk = provider.tracer_with_scope(InstrumentationScope::builder(SCOPE).build());
                Tracer::new(sdk, sampling.by_parent)
            }
            None => Tracer::default(),
        }
    }

    /// Where durations of calls go, by callee.
    pub(crate) fn durations(&self) -> Option<[Histogram<f64>; 2]> {
        let meter = self.metrics.as_ref()?.meter(SCOPE);
        Some([Callee::Actor, Callee::Provider].map(|callee| {
            let family = callee.duration();
            meter
                .f64_histogram(family.name)
                .with_unit(family.unit)
                .with_description(family.help)
                .with_boundaries(bounds_s().collect())
                .build()
        }))
    }

    /// What the exporters have to say of themselves.
    pub(crate) fn counts(&self) -> Weak<dyn Source> {
        let counts: Weak<Counts> = Arc::downgrade(&self.counts);
        counts
    }

    /// Has everything in the registry read when metrics are due.
    pub(crate) fn observe(&self, registry: &Arc<Registry>) {
        if let Some(provider) = &self.metrics {
            observed::observe(&provider.meter(SCOPE), registry);
        }
    }

    /// Sends what is left, within bounds; nothing is sent after.
    pub(crate) async fn shutdown(&self) {
        let traces = self.traces.as_ref().map(|(provider, _)| provider.clone());
        let metrics = self.metrics.clone();
        if traces.is_none() && metrics.is_none() {
            return;
        }
        // They block, each on a thread of its own.
        let tasks = [
            traces.map(|provider| {
                tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_MAX))
            }),
            metrics.map(|provider| {
                tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_MAX))
            }),
        ];
        let all = async {
            for task in tasks.into_iter().flatten() {
                match task.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => warn!(%error, "the last telemetry did not leave"),
                    Err(error) => warn!(%error, "the last telemetry did not leave"),
                }
            }
        };
        if tokio::time::timeout(FLUSH_MAX, all).await.is_err() {
            warn!("the last telemetry did not leave in {FLUSH_MAX:?}");
        }
    }
}

fn traces(
    setup: &Setup,
    sampling: Sampling,
    counts: Arc<Counts>,
) -> Option<(SdkTracerProvider, Sampling)> {
    if sampling.never {
        return None;
    }
    let exporter = match SpanExporter::builder().with_tonic().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            warn!("traces can't be sent: {error}");
            return None;
        }
    };
    let provider = SdkTracerProvider::builder()
        .with_resource(resource(setup))
        .with_batch_exporter(Watched::new(exporter, counts))
        .build();
    info!("traces are sent by OTLP");
    Some((provider, sampling))
}

fn metrics(setup: &Setup) -> Option<SdkMeterProvider> {
    let exporter = match MetricExporter::builder().with_tonic().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            warn!("metrics can't be sent: {error}");
            return None;
        }
    };
    let provider = SdkMeterProvider::builder()
        .with_resource(resource(setup))
        .with_view(|_: &_| {
            Stream::builder()
                .with_cardinality_limit(SERIES_MAX)
                .build()
                .ok()
        })
        .with_periodic_exporter(exporter)
        .build();
    info!("metrics are sent by OTLP");
    Some(provider)
}

/// What the process is. `OTEL_RESOURCE_ATTRIBUTES` adds to it, `OTEL_SERVICE_NAME` renames it.
fn resource(setup: &Setup) -> Resource {
    let builder = Resource::builder().with_attributes([
        KeyValue::new("service.instance.id", setup.instance.clone()),
        KeyValue::new("service.version", setup.version),
        KeyValue::new("service.namespace", "lattice"),
        KeyValue::new("lattice.name", setup.lattice.clone()),
    ]);
    match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => builder.build(),
        None => builder.with_service_name(setup.service).build(),
    }
}
