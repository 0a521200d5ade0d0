//! What a record is about.

use lattice_protocol::call::Context;
use lattice_protocol::id::CallId;
use lattice_protocol::trace::{TraceId, Traceparent};

/// The call that something is said about, and the trace that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub(super) call: CallId,
    pub(super) trace: Option<TraceId>,
}

impl About {
    /// A call, by what travelled beside it.
    pub fn call(context: &Context) -> Self {
        let header = context.traceparent.as_deref();
        let trace = header.and_then(|text| text.parse::<Traceparent>().ok());
        Self {
            call: context.id,
            trace: trace.map(|parent| parent.trace),
        }
    }
}
