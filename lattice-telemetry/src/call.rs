//! One call, measured and traced on either end.

use std::time::Instant;

use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{LatticeId, TargetName};
use lattice_protocol::interface::Endpoint;

use crate::Way;
use crate::metrics::{ActorCounts, Callee, Meter};
use crate::trace::{self, Description, Role, Span, Tracer, destination};

/// What a call says of itself on the end that serves it.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// The lattice.
    pub lattice: &'a LatticeId,
    /// What is called.
    pub callee: Callee,
    /// Which.
    pub target: &'a TargetName,
    /// Its function, in full form.
    pub endpoint: &'a Endpoint,
    /// What travelled beside it.
    pub context: &'a Context,
}

/// A call that is served. Dropped before its end it counts as cancelled.
#[must_use = "a call that is dropped counts as cancelled"]
pub struct Serving<'a> {
    meter: Option<&'a Meter>,
    received: Instant,
    way: Way,
    span: Option<Span>,
}

impl<'a> Serving<'a> {
    /// Begins to serve a call that came this way, at that moment.
    pub fn begin(
        tracer: &Tracer,
        meter: Option<&'a Meter>,
        received: Instant,
        way: Way,
        served: Served<'_>,
    ) -> Self {
        let mut span = tracer.span(Role::Serves(way), served.context.into(), || {
            served.description(way)
        });
        span.say("lattice.way", way.as_str());
        Self {
            meter,
            received,
            way,
            span: Some(span),
        }
    }

    /// The context for what is done within it, where that is not the one that came.
    pub fn context(&self, came: &Context) -> Option<Context> {
        let header = self.span.as_ref()?.header()?;
        Some(below(came, header))
    }

    /// Ends as this.
    pub fn end<T>(mut self, result: &Result<T, CallError>) {
        self.record(result.as_ref().err().map(|error| error.code));
        if let Some(span) = self.span.take() {
            span.end(result);
        }
    }

    fn record(&mut self, error: Option<ErrorCode>) {
        if let Some(meter) = self.meter.take() {
            meter.record(self.way, error, self.received.elapsed());
        }
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.record(Some(ErrorCode::Cancelled));
    }
}

impl Served<'_> {
    fn description(&self, way: Way) -> Description {
        let callee = Some(self.callee);
        let mut says = trace::call(
            self.lattice,
            callee,
            self.target,
            self.endpoint,
            self.context,
        );
        if way != Way::Local {
            let sent = destination(self.lattice, self.target, self.endpoint);
            says.attributes.extend(sent);
        }
        says
    }
}

/// A call that is made. Dropped before its end it counts as cancelled.
#[must_use = "a call that is dropped counts as cancelled"]
pub struct Calling<'a> {
    counts: Option<&'a ActorCounts>,
    way: Option<Way>,
    told: Option<&'a mut Option<Way>>,
    span: Option<Span>,
}

impl<'a> Calling<'a> {
    /// Begins to make a call, which carries the trace on from here.
    pub fn begin(
        tracer: &Tracer,
        counts: Option<&'a ActorCounts>,
        lattice: &LatticeId,
        target: &TargetName,
        endpoint: &Endpoint,
        context: &mut Context,
    ) -> Self {
        let span = tracer.span(Role::Calls, (&*context).into(), || {
            trace::call(lattice, None, target, endpoint, context)
        });
        if let Some(header) = span.header() {
            *context = below(context, header);
        }
        Self {
            counts,
            way: None,
            told: None,
            span: Some(span),
        }
    }

    /// A call that is shown by somebody else.
    pub fn unseen() -> Self {
        Self {
            counts: None,
            way: None,
            told: None,
            span: None,
        }
    }

    /// Writes there, too, which way it goes, whatever becomes of it.
    pub fn telling(mut self, told: &'a mut Option<Way>) -> Self {
        self.told = Some(told);
        self
    }

    /// It goes this way; a second time it was sent once more.
    pub fn goes(&mut self, way: Way) {
        let before = self.way.replace(way);
        if let Some(told) = &mut self.told {
            **told = Some(way);
        }
        if let Some(span) = &mut self.span {
            span.say("lattice.way", way.as_str());
            if way != Way::Local {
                span.say("messaging.system", "nats");
            }
            if before.is_some() {
                span.happened("sent once more");
            }
        }
    }

    /// Ends as this.
    pub fn end<T>(mut self, result: &Result<T, CallError>) {
        self.record(result.as_ref().err().map(|error| error.code));
        if let Some(span) = self.span.take() {
            span.end(result);
        }
    }

    fn record(&mut self, error: Option<ErrorCode>) {
        if let Some(counts) = self.counts.take() {
            counts.called(self.way, error);
        }
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.record(Some(ErrorCode::Cancelled));
    }
}

/// A new trace takes nothing from a header that was none.
fn below(came: &Context, header: String) -> Context {
    let mut context = came.clone();
    let continues = came.traceparent.as_deref().is_some_and(|before| {
        // The trace's number stands at one place in both.
        before.get(3..35).is_some() && before.get(3..35) == header.get(3..35)
    });
    if !continues {
        context.tracestate = None;
    }
    context.traceparent = Some(header);
    context
}
