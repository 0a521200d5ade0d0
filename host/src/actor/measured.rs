//! A call as it is counted and traced, from its arrival to its end.

use std::sync::Arc;
use std::time::Instant;

use lattice_client::Call;
use lattice_protocol::error::CallError;
use lattice_protocol::interface::Endpoint;
use lattice_telemetry::metrics::Callee;
use lattice_telemetry::{Served, Serving, Way};

use super::accept::Overflow;
use super::call::{Outcome, Running, Time};
use super::revision::Revision;

/// How and when a call came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) received: Instant,
    pub(super) way: Way,
}

impl Arrival {
    /// One that came straight from an actor of this host.
    pub(super) fn here() -> Self {
        Self {
            received: Instant::now(),
            way: Way::Local,
        }
    }
}

impl Overflow {
    /// Calls that may go on came by the queue group, the others were sent here by a peer.
    pub(super) fn way(self) -> Way {
        match self {
            Self::Forward => Way::Queue,
            Self::Refuse => Way::Peer,
        }
    }
}

impl Revision {
    /// Runs a call that has a slot.
    pub(super) async fn run(
        self: &Arc<Self>,
        call: &Call,
        time: Time,
        arrival: Arrival,
        takes_streams: bool,
    ) -> Result<Outcome, CallError> {
        let exported = match self.code.exports.find(&call.endpoint) {
            Ok(exported) => exported,
            Err(error) => return Err(self.refused(&call.endpoint, arrival, error)),
        };
        let served = Served {
            lattice: self.lattice(),
            callee: Callee::Actor,
            target: &call.target,
            endpoint: &exported.endpoint,
            context: &call.context,
        };
        let meters = self.meters.as_ref();
        let meter = meters.and_then(|meters| meters.of_one(exported));
        let tracer = self.telemetry().tracer();
        let serving = Serving::begin(tracer, meter, arrival.received, arrival.way, served);
        let traced = serving.context(&call.context);
        let running = Running {
            revision: self,
            call,
            context: traced.as_ref().unwrap_or(&call.context),
            callable: &exported.callable,
            deadline: time.first.into_std().into(),
            takes_streams,
        };
        let result = running.run(time).await;
        serving.end(&result);
        result
    }

    /// Counts a call that was not begun.
    pub(super) fn refused(
        &self,
        endpoint: &Endpoint,
        arrival: Arrival,
        error: CallError,
    ) -> CallError {
        let meters = self.meters.as_ref();
        let meter = meters.and_then(|meters| meters.find(&self.code.exports, endpoint));
        if let Some(meter) = meter {
            meter.record(arrival.way, Some(error.code), arrival.received.elapsed());
        }
        error
    }
}
