//! Every metric that processes of a lattice have, spelled once.

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until its process or its actor starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How long things took.
    Histogram,
}

/// A metric, whatever its labels.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name as OpenTelemetry writes it.
    pub name: &'static str,
    /// What it counts.
    pub kind: Kind,
    /// `s`, `By`, or nothing for plain numbers.
    pub unit: &'static str,
    /// What it says, for people.
    pub help: &'static str,
}

impl Family {
    /// The name as Prometheus writes it: with its unit, and `_total` for what only grows.
    pub fn prometheus(&self) -> String {
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{}{unit}{total}", self.name.replace('.', "_"))
    }
}

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident: $kind:ident $text:literal $unit:literal $help:literal,)*) => {
        $(
            $(#[$doc])*
            pub static $name: Family = Family {
                name: $text,
                kind: Kind::$kind,
                unit: $unit,
                help: $help,
            };
        )*

        /// All of them, in the order in which they are shown.
        pub static ALL: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    /// By actor, function, way.
    CALLS: Counter "lattice.calls" "" "Calls of an actor's function that have ended, by the way they came.",
    /// By actor, function, code.
    CALL_ERRORS: Counter "lattice.call_errors" "" "Calls of an actor's function that ended in an error, by its code.",
    /// By actor, function.
    CALL_DURATION: Histogram "lattice.call_duration" "s" "Time from a call's arrival to its end, waiting included.",
    /// By actor.
    BUSY: Gauge "lattice.busy" "" "Calls that run.",
    /// By actor.
    WAITING: Gauge "lattice.waiting" "" "Calls that wait for an instance.",
    /// By actor.
    SLOTS: Gauge "lattice.slots" "" "Calls that may run at once on this host.",
    /// By actor.
    INSTANCES_MADE: Counter "lattice.instances_made" "" "Instances made.",
    /// By actor.
    INSTANCES_REUSED: Counter "lattice.instances_reused" "" "Calls that got an instance which had served others.",
    /// Of the host.
    INSTANCES_IDLE: Gauge "lattice.instances_idle" "" "Instances that are kept for the next call, of all actors.",
    /// By actor, way.
    LINK_CALLS: Counter "lattice.link_calls" "" "Calls that an actor made through its links, by the way they went.",
    /// By actor, code.
    LINK_ERRORS: Counter "lattice.link_errors" "" "Calls through links that ended in an error, by its code.",
    /// Of the host.
    COMPILE_DURATION: Histogram "lattice.compile_duration" "s" "Time to compile a component.",
    /// Of the host.
    COMPILE_ERRORS: Counter "lattice.compile_errors" "" "Components that did not compile.",
    /// By provider, function, way.
    PROVIDER_CALLS: Counter "lattice.provider_calls" "" "Calls of a provider's function that have ended, by the way they came.",
    /// By provider, function, code.
    PROVIDER_ERRORS: Counter "lattice.provider_errors" "" "Calls of a provider's function that ended in an error, by its code.",
    /// By provider, function.
    PROVIDER_DURATION: Histogram "lattice.provider_duration" "s" "Time from a call's arrival at a provider to its end.",
    /// By provider.
    PROVIDER_BUSY: Gauge "lattice.provider_busy" "" "Calls that a provider has taken and not ended.",
    /// By provider, status.
    HTTP_REQUESTS: Counter "lattice.http_requests" "" "HTTP requests that were answered, by the class of their status.",
    /// By provider.
    HTTP_DURATION: Histogram "lattice.http_duration" "s" "Time from an HTTP request's head to the head of its response.",
    /// Of the process.
    CONNECTED: Gauge "lattice.nats_connected" "" "1 while there is a connection to NATS.",
    /// Of the process.
    RECONNECTS: Counter "lattice.nats_reconnects" "" "How often the connection to NATS was made anew.",
    /// Of the process.
    EXPORT_FAILURES: Counter "lattice.export_failures" "" "Batches of spans that the collector did not take.",
    /// Of the process.
    SPANS_EXPORTED: Counter "lattice.spans_exported" "" "Spans that the collector took.",
    /// By service, instance, lattice, version.
    BUILD_INFO: Gauge "lattice.build_info" "" "What this process is; always 1.",
    /// Of the process.
    MEMORY: Gauge "process.resident_memory" "By" "Memory that the process has in use.",
    /// Of the process.
    STARTED: Gauge "process.start_time" "s" "When the process started, since 1970.",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_as_prometheus_wants_them() {
        let names: BTreeSet<_> = ALL.iter().map(|family| family.prometheus()).collect();
        assert_eq!(names.len(), ALL.len());
        for name in names {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(plain), "{name}");
        }
        assert_eq!(CALLS.prometheus(), "lattice_calls_total");
        assert_eq!(CALL_DURATION.prometheus(), "lattice_call_duration_seconds");
        assert_eq!(MEMORY.prometheus(), "process_resident_memory_bytes");
    }
}
