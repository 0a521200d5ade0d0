//! One span.

use std::borrow::Cow;

use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::trace::Traceparent;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Status};
use opentelemetry_sdk::trace::Span as SdkSpan;

/// What a span says of itself at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name: of few, so that spans of a kind are found together.
    pub name: Cow<'static, str>,
    /// What is known of it.
    pub attributes: Vec<(&'static str, String)>,
}

/// What was done between two moments. Dropped before its end it says that the work was given up.
#[must_use = "a span that is dropped says that its work was given up"]
#[derive(Debug)]
pub struct Span {
    live: Option<Box<SdkSpan>>,
    header: Option<Traceparent>,
}

impl Span {
    pub(super) fn none() -> Self {
        Self {
            live: None,
            header: None,
        }
    }

    pub(super) fn unrecorded(own: Traceparent) -> Self {
        Self {
            live: None,
            header: Some(own),
        }
    }

    pub(super) fn recorded(mut span: SdkSpan, own: Traceparent, says: Description) -> Self {
        span.update_name(says.name);
        let attributes = says.attributes.into_iter();
        span.set_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)));
        Self {
            live: Some(Box::new(span)),
            header: Some(own),
        }
    }

    /// The `traceparent` of whatever is done within it; none if the one that came holds on.
    pub fn header(&self) -> Option<String> {
        self.header.map(|own| own.to_string())
    }

    /// Whether anything that is said to it is kept.
    pub fn is_recorded(&self) -> bool {
        self.live.is_some()
    }

    /// Says one thing more.
    pub fn say(&mut self, key: &'static str, value: &'static str) {
        if let Some(span) = &mut self.live {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Says a number more.
    pub fn say_number(&mut self, key: &'static str, value: u32) {
        if let Some(span) = &mut self.live {
            span.set_attribute(KeyValue::new(key, i64::from(value)));
        }
    }

    /// Says that something happened on the way.
    pub fn happened(&mut self, what: &'static str) {
        if let Some(span) = &mut self.live {
            span.add_event(what, Vec::new());
        }
    }

    /// Ends as this call did.
    pub fn end<T>(mut self, result: &Result<T, CallError>) {
        if let (Some(span), Err(error)) = (&mut self.live, result) {
            failed(span, error.code, error.message.clone());
        }
        self.finish();
    }

    /// Ends with a failure that is no call's.
    pub fn end_failed(mut self, reason: String) {
        if let Some(span) = &mut self.live {
            span.set_status(Status::error(reason.clone()));
            span.set_attribute(KeyValue::new("error.type", reason));
        }
        self.finish();
    }

    /// Ends well.
    pub fn finish(&mut self) {
        if let Some(mut span) = self.live.take() {
            span.end();
        }
    }
}

fn failed(span: &mut SdkSpan, code: ErrorCode, message: String) {
    span.set_attribute(KeyValue::new("error.type", code.as_str()));
    span.set_attribute(KeyValue::new("lattice.error", code.as_str()));
    span.set_status(Status::error(message));
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(span) = &mut self.live {
            let code = ErrorCode::Cancelled;
            failed(span, code, "the caller went away".to_owned());
        }
        self.finish();
    }
}
