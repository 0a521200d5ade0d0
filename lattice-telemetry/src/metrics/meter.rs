//! The calls of one function.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lattice_protocol::error::ErrorCode;
use opentelemetry::{KeyValue, metrics};

use super::{Family, Histogram, Samples, Value, family};
use crate::Way;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callee {
    /// An actor.
    Actor,
    /// A provider.
    Provider,
}

/// The calls of one function: held by whatever the call finds anyway, so that counting one looks
/// nothing up.
#[derive(Debug)]
pub struct Meter {
    callee: Callee,
    target: String,
    function: String,
    ways: Ways,
    errors: Errors,
    duration: Histogram,
    /// Set while metrics go out by OTLP.
    exported: OnceLock<Exported>,
}

/// The same durations for the collector: OpenTelemetry has no histogram that is read when it asks.
#[derive(Debug)]
struct Exported {
    histogram: metrics::Histogram<f64>,
    attributes: [KeyValue; 2],
}

/// Counts by way.
#[derive(Debug, Default)]
pub struct Ways([AtomicU64; Way::ALL.len()]);

/// Counts by error code.
#[derive(Debug, Default)]
pub struct Errors([AtomicU64; CODES.len()]);

const CODES: [ErrorCode; 10] = [
    ErrorCode::BadRequest,
    ErrorCode::Denied,
    ErrorCode::NotFound,
    ErrorCode::Deadline,
    ErrorCode::TooLarge,
    ErrorCode::Overloaded,
    ErrorCode::Trapped,
    ErrorCode::Unavailable,
    ErrorCode::Cancelled,
    ErrorCode::Internal,
];

fn number(code: ErrorCode) -> usize {
    match code {
        ErrorCode::BadRequest => 0,
        ErrorCode::Denied => 1,
        ErrorCode::NotFound => 2,
        ErrorCode::Deadline => 3,
        ErrorCode::TooLarge => 4,
        ErrorCode::Overloaded => 5,
        ErrorCode::Trapped => 6,
        ErrorCode::Unavailable => 7,
        ErrorCode::Cancelled => 8,
        ErrorCode::Internal => 9,
    }
}

impl Callee {
    /// The label under which it is named.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Provider => "provider",
        }
    }

    pub(crate) fn duration(self) -> &'static Family {
        match self {
            Self::Actor => &family::CALL_DURATION,
            Self::Provider => &family::PROVIDER_DURATION,
        }
    }
}

impl Meter {
    pub(crate) fn new(callee: Callee, target: &str, function: &str) -> Self {
        Self {
            callee,
            target: target.to_owned(),
            function: function.to_owned(),
            ways: Ways::default(),
            errors: Errors::default(),
            duration: Histogram::default(),
            exported: OnceLock::new(),
        }
    }

    /// From here on durations go to the collector as well.
    pub(crate) fn export(&self, histogram: metrics::Histogram<f64>) {
        let attributes = [
            KeyValue::new(self.callee.label(), self.target.clone()),
            KeyValue::new("function", self.function.clone()),
        ];
        // A second time is the same again.
        let _ = self.exported.set(Exported {
            histogram,
            attributes,
        });
    }

    /// Counts a call that has ended.
    pub fn record(&self, way: Way, error: Option<ErrorCode>, took: Duration) {
        self.ways.add(way);
        if let Some(code) = error {
            self.errors.add(code);
        }
        self.duration.record(took);
        if let Some(exported) = self.exported.get() {
            exported
                .histogram
                .record(took.as_secs_f64(), &exported.attributes);
        }
    }

    pub(crate) fn callee(&self) -> Callee {
        self.callee
    }

    pub(crate) fn samples(&self, to: &mut Samples) {
        let (calls, errors) = match self.callee {
            Callee::Actor => (&family::CALLS, &family::CALL_ERRORS),
            Callee::Provider => (&family::PROVIDER_CALLS, &family::PROVIDER_ERRORS),
        };
        let own = [
            (self.callee.label(), self.target.as_str()),
            ("function", self.function.as_str()),
        ];
        self.ways.samples(to, calls, &own);
        self.errors.samples(to, errors, &own);
        let took = self.duration.snapshot();
        if took.count() > 0 {
            to.put(self.callee.duration(), &own, Value::Histogram(took));
        }
    }
}

impl Ways {
    /// Counts one.
    pub fn add(&self, way: Way) {
        self.0[way.number()].fetch_add(1, Ordering::Relaxed);
    }

    /// Says how many went each way that was gone.
    pub fn samples(&self, to: &mut Samples, family: &'static Family, own: &[(&'static str, &str)]) {
        for way in Way::ALL {
            let count = self.0[way.number()].load(Ordering::Relaxed);
            to.some(family, own, ("way", way.as_str()), count);
        }
    }
}

impl Errors {
    /// Counts one.
    pub fn add(&self, code: ErrorCode) {
        self.0[number(code)].fetch_add(1, Ordering::Relaxed);
    }

    /// Says how many there were of each code that there was.
    pub fn samples(&self, to: &mut Samples, family: &'static Family, own: &[(&'static str, &str)]) {
        for code in CODES {
            let count = self.0[number(code)].load(Ordering::Relaxed);
            to.some(family, own, ("code", code.as_str()), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_place_of_its_own() {
        for (at, code) in CODES.into_iter().enumerate() {
            assert_eq!(number(code), at);
        }
    }

    #[test]
    fn a_meter_says_what_was_counted_and_nothing_else() {
        let meter = Meter::new(Callee::Actor, "counter", "get");
        let mut none = Samples::default();
        meter.samples(&mut none);
        assert_eq!(none.iter().count(), 0);

        meter.record(Way::Peer, None, Duration::from_millis(1));
        meter.record(
            Way::Peer,
            Some(ErrorCode::Trapped),
            Duration::from_millis(1),
        );
        let mut samples = Samples::default();
        meter.samples(&mut samples);
        let said: Vec<_> = samples
            .iter()
            .flat_map(|(family, samples)| samples.iter().map(move |s| (family.name, &s.labels)))
            .map(|(name, labels)| (name, labels.last().unwrap().1.as_str()))
            .collect();
        let wanted = [
            ("lattice.calls", "peer"),
            ("lattice.call_errors", "trapped"),
            ("lattice.call_duration", "get"),
        ];
        assert_eq!(said, wanted);
    }
}
