//! Spans: what one process did for one request.
//!
//! A span takes its parent from a call's `traceparent` and puts its own in the place: that is all
//! that goes from process to process. Where no collector is named there is no tracer, and the header
//! passes through as it came; the same where the caller says that it does not record.

mod describe;
mod span;

pub(crate) use describe::destination;
pub use describe::{Role, call};
pub use span::{Description, Span};

use std::str::FromStr as _;
use std::sync::Arc;

use lattice_protocol::call::Context;
use lattice_protocol::trace::{TraceId, Traceparent};
use opentelemetry::trace::{
    self as otel, Span as _, SpanContext, SpanKind, TraceContextExt as _, TraceFlags, TraceState,
    Tracer as _,
};
use opentelemetry_sdk::trace::SdkTracer;

/// Makes spans, or doesn't; clones share it.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    sdk: SdkTracer,
    /// Whether a caller that does not record decides for those that it calls.
    by_parent: bool,
}

/// The headers that name the span above.
#[derive(Debug, Clone, Copy)]
pub struct Parent<'a> {
    /// `traceparent`.
    pub traceparent: Option<&'a str>,
    /// `tracestate`.
    pub tracestate: Option<&'a str>,
}

impl<'a> From<&'a Context> for Parent<'a> {
    fn from(context: &'a Context) -> Self {
        Self {
            traceparent: context.traceparent.as_deref(),
            tracestate: context.tracestate.as_deref(),
        }
    }
}

impl Tracer {
    /// Makes none.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new(sdk: SdkTracer, by_parent: bool) -> Self {
        Self(Some(Arc::new(Inner { sdk, by_parent })))
    }

    /// Begins a span below `parent`; `describe` is asked only if it is recorded.
    pub fn span(
        &self,
        role: Role,
        parent: Parent<'_>,
        describe: impl FnOnce() -> Description,
    ) -> Span {
        match &self.0 {
            Some(inner) => inner.span(role, parent, describe),
            None => Span::none(),
        }
    }
}

impl Inner {
    fn span(&self, role: Role, came: Parent<'_>, describe: impl FnOnce() -> Description) -> Span {
        let header = came.traceparent;
        let parent = header.and_then(|text| text.parse::<Traceparent>().ok());
        if self.by_parent && parent.is_some_and(|parent| !parent.is_sampled()) {
            return Span::none();
        }
        let builder = otel::SpanBuilder::from_name("").with_kind(role.kind());
        let above = match parent {
            Some(parent) => above(&parent, role, came.tracestate),
            None => opentelemetry::Context::new(),
        };
        let span = self.sdk.build_with_context(builder, &above);
        let Some(own) = named(span.span_context()) else {
            // The tracer was shut down meanwhile.
            return Span::none();
        };
        if !span.is_recording() {
            // Whoever is called must not decide anew: the trace would have no beginning.
            return Span::unrecorded(own);
        }
        Span::recorded(span, own, describe())
    }
}

fn above(parent: &Traceparent, role: Role, state: Option<&str>) -> opentelemetry::Context {
    let state = state.and_then(|text| TraceState::from_str(text).ok());
    let context = SpanContext::new(
        parent.trace.number().into(),
        parent.span.into(),
        TraceFlags::new(parent.flags),
        role.is_remote(),
        state.unwrap_or_default(),
    );
    opentelemetry::Context::new().with_remote_span_context(context)
}

fn named(own: &SpanContext) -> Option<Traceparent> {
    let span = u64::from_be_bytes(own.span_id().to_bytes());
    Some(Traceparent {
        trace: TraceId::new(u128::from_be_bytes(own.trace_id().to_bytes()))?,
        span: (span != 0).then_some(span)?,
        flags: own.trace_flags().to_u8(),
    })
}

impl Role {
    fn kind(self) -> SpanKind {
        match self {
            Self::Serves(_) => SpanKind::Server,
            Self::Calls => SpanKind::Client,
        }
    }
}

#[cfg(test)]
#[path = "trace_test.rs"]
mod tests;
