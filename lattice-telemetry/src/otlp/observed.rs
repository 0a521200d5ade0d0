//! Metrics for the collector: read when they are due, by the same words as for Prometheus.

use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use crate::metrics::family::{self, Kind};
use crate::metrics::{Family, Registry, Value};

/// Has every counter and gauge of the registry read when metrics are due. Durations of calls go their
/// own way, as nobody can hand a whole histogram to the SDK.
pub(super) fn observe(meter: &Meter, registry: &Arc<Registry>) {
    for family in family::ALL.iter().copied() {
        let registry = Arc::downgrade(registry);
        let read = move |to: &dyn AsyncInstrument<f64>| read(&registry, family, to);
        // The instrument lives in the provider: what is built here is only a handle.
        match family.kind {
            Kind::Counter => drop(
                meter
                    .f64_observable_counter(family.name)
                    .with_unit(family.unit)
                    .with_description(family.help)
                    .with_callback(read)
                    .build(),
            ),
            Kind::Gauge => drop(
                meter
                    .f64_observable_gauge(family.name)
                    .with_unit(family.unit)
                    .with_description(family.help)
                    .with_callback(read)
                    .build(),
            ),
            Kind::Histogram => {}
        }
    }
}

fn read(registry: &Weak<Registry>, family: &'static Family, to: &dyn AsyncInstrument<f64>) {
    let Some(registry) = registry.upgrade() else {
        return;
    };
    let samples = registry.recent();
    let series = samples.of(family).map_or(&[][..], |(_, series)| series);
    for sample in series {
        let Value::Number(number) = sample.value else {
            continue;
        };
        let labels = sample.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, text)| KeyValue::new(*name, text.clone()))
            .collect();
        to.observe(number, &labels);
    }
}
