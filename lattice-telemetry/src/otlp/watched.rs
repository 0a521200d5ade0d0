//! Whether the collector takes what it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::{info, warn};

use crate::metrics::{Samples, Source, family};

/// What became of the spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    exported: AtomicU64,
    failures: AtomicU64,
}

/// An exporter that is watched: the log says when the collector stops taking spans, and when it
/// takes them again, once each.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    counts: Arc<Counts>,
    fails: AtomicBool,
}

impl<E> Watched<E> {
    pub(super) fn new(exporter: E, counts: Arc<Counts>) -> Self {
        Self {
            exporter,
            counts,
            fails: AtomicBool::new(false),
        }
    }

    fn ended(&self, spans: usize, result: &OTelSdkResult) {
        let fails = result.is_err();
        let failed = self.fails.swap(fails, Ordering::Relaxed);
        match result {
            Ok(()) => {
                let spans = u64::try_from(spans).unwrap_or(u64::MAX);
                self.counts.exported.fetch_add(spans, Ordering::Relaxed);
                if failed {
                    info!("the collector takes traces again");
                }
            }
            Err(error) => {
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                if !failed {
                    warn!(%error, "the collector takes no traces: they are dropped");
                }
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.ended(spans, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl Source for Counts {
    fn samples(&self, to: &mut Samples) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        to.number(&family::SPANS_EXPORTED, &[], read(&self.exported));
        to.number(&family::EXPORT_FAILURES, &[], read(&self.failures));
    }
}
