//! What a provider shows of its calls.

use std::sync::{Arc, Weak};
use std::time::Instant;

use lattice_client::Client;
use lattice_protocol::call::Context;
use lattice_protocol::error::CallError;
use lattice_protocol::id::{LatticeId, ProviderName, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_telemetry::metrics::{Callee, Meter, Samples, Source, family};
use lattice_telemetry::{Served, Serving, Telemetry, Way};
use tokio_util::task::TaskTracker;

/// What is counted of calls that name no endpoint. No function has such a name, and one from the wire
/// is never a label: whoever calls could make any number of them.
const UNKNOWN: &str = "(unknown)";

/// Where a provider's calls are shown.
#[derive(Debug)]
pub(crate) struct Shown {
    telemetry: Telemetry,
    lattice: LatticeId,
    target: TargetName,
    others: Option<Arc<Meter>>,
}

impl Shown {
    pub(crate) fn new(telemetry: Telemetry, lattice: LatticeId, target: TargetName) -> Self {
        let mut shown = Self {
            telemetry,
            lattice,
            target,
            others: None,
        };
        shown.others = shown.meters([UNKNOWN]).pop();
        shown
    }

    /// Where calls of these are counted; empty if nobody reads that.
    pub(crate) fn meters<'a>(
        &self,
        functions: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Arc<Meter>> {
        let Some(registry) = self.telemetry.registry() else {
            return Vec::new();
        };
        registry.meters(Callee::Provider, self.target.as_str(), functions)
    }

    /// A call begins to be served.
    pub(crate) fn begin<'a>(
        &self,
        endpoint: &Endpoint,
        meter: Option<&'a Meter>,
        context: &Context,
        received: Instant,
        way: Way,
    ) -> Serving<'a> {
        let served = Served {
            lattice: &self.lattice,
            callee: Callee::Provider,
            target: &self.target,
            endpoint,
            context,
        };
        Serving::begin(self.telemetry.tracer(), meter, received, way, served)
    }

    /// A call ends that was not begun.
    pub(crate) fn refused(
        &self,
        meter: Option<&Meter>,
        received: Instant,
        way: Way,
        error: CallError,
    ) -> CallError {
        if let Some(meter) = meter.or(self.others.as_deref()) {
            meter.record(way, Some(error.code), received.elapsed());
        }
        error
    }

    /// Shows how busy the provider is, and how its process is connected if that is its `own`, for as
    /// long as what comes back lives.
    pub(crate) fn show(
        &self,
        provider: &ProviderName,
        own: Option<Client>,
        calls: TaskTracker,
    ) -> Option<Arc<dyn Source>> {
        if let Some(connection) = own.clone() {
            self.telemetry
                .healthy_while(move || connection.is_connected());
        }
        let registry = self.telemetry.registry()?;
        let shown: Arc<dyn Source> = Arc::new(Process {
            provider: provider.clone(),
            client: own,
            calls,
        });
        let source: Weak<dyn Source> = Arc::downgrade(&shown);
        registry.add(source);
        Some(shown)
    }
}

struct Process {
    provider: ProviderName,
    /// None within a host's process, which shows its own.
    client: Option<Client>,
    calls: TaskTracker,
}

impl Source for Process {
    fn samples(&self, to: &mut Samples) {
        let own = [("provider", self.provider.as_str())];
        let busy = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        to.number(&family::PROVIDER_BUSY, &own, busy);
        let Some(client) = &self.client else {
            return;
        };
        to.number(&family::CONNECTED, &[], u32::from(client.is_connected()));
        to.number(&family::RECONNECTS, &[], client.reconnects());
    }
}
