//! What the provider shows of its requests: counts by the class of their status, and a span each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lattice_client::{Call, Reply};
use lattice_protocol::call::header;
use lattice_protocol::error::CallError;
use lattice_protocol::id::{LatticeId, ProviderName};
use lattice_telemetry::metrics::{Histogram, Samples, Source, Value, family};
use lattice_telemetry::trace::{Description, Parent, Role, Span};
use lattice_telemetry::{Calling, Telemetry, Way};

use crate::backend::Backend;

/// Statuses by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Where requests are shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    telemetry: Telemetry,
    lattice: LatticeId,
    counts: Option<Arc<Counts>>,
}

#[derive(Debug)]
struct Counts {
    provider: ProviderName,
    classes: [AtomicU64; CLASSES.len()],
    took: Histogram,
}

/// A request that is answered.
pub(crate) struct Asking<'a> {
    counts: Option<(&'a Counts, Instant)>,
    span: Span,
}

impl Shown {
    pub(crate) fn new(telemetry: Telemetry, lattice: LatticeId, provider: ProviderName) -> Self {
        let counts = telemetry.registry().map(|registry| {
            let counts = Arc::new(Counts {
                provider,
                classes: Default::default(),
                took: Histogram::default(),
            });
            let source: Weak<Counts> = Arc::downgrade(&counts);
            registry.add(source);
            counts
        });
        Self {
            telemetry,
            lattice,
            counts,
        }
    }

    /// A request begins. Its headers carry the trace on from here, to the actor and to the call.
    pub(crate) fn begin(&self, parts: &mut Parts) -> Asking<'_> {
        let parent = Parent {
            traceparent: text(&parts.headers, header::TRACEPARENT),
            tracestate: text(&parts.headers, header::TRACESTATE),
        };
        let tracer = self.telemetry.tracer();
        let span = tracer.span(Role::Serves(Way::Queue), parent, || description(parts));
        if let Some(own) = span.header()
            && let Ok(own) = HeaderValue::try_from(own)
        {
            parts.headers.insert(header::TRACEPARENT, own);
        }
        Asking {
            counts: self
                .counts
                .as_deref()
                .map(|counts| (counts, Instant::now())),
            span,
        }
    }

    /// Makes the call of a request; which way it goes is written into `went`.
    pub(crate) async fn call(
        &self,
        backend: &impl Backend,
        mut call: Call,
        went: &mut Option<Way>,
    ) -> Result<Reply, CallError> {
        let (tracer, lattice) = (self.telemetry.tracer(), &self.lattice);
        let (target, endpoint, context) = (&call.target, &call.endpoint, &mut call.context);
        let calling = Calling::begin(tracer, None, lattice, target, endpoint, context);
        let mut calling = calling.telling(went);
        let result = backend.call(call, &mut calling).await;
        calling.end(&result);
        result
    }
}

impl Asking<'_> {
    /// Its answer has begun.
    pub(crate) fn answered(mut self, status: StatusCode) {
        if let Some((counts, begun)) = self.counts {
            let class = usize::from(status.as_u16() / 100).saturating_sub(1);
            if let Some(class) = counts.classes.get(class) {
                class.fetch_add(1, Ordering::Relaxed);
            }
            counts.took.record(begun.elapsed());
        }
        let number = u32::from(status.as_u16());
        self.span.say_number("http.response.status_code", number);
        match status.is_server_error() {
            true => self.span.end_failed(number.to_string()),
            false => self.span.finish(),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// By the conventions of OpenTelemetry for HTTP servers.
fn description(parts: &Parts) -> Description {
    let method = method(&parts.method);
    let mut attributes = vec![
        ("http.request.method", method.to_owned()),
        ("url.path", parts.uri.path().to_owned()),
        ("url.scheme", "http".to_owned()),
    ];
    let host = parts.uri.host().map(str::to_owned);
    let host = host.or_else(|| Some(text(&parts.headers, "host")?.to_owned()));
    attributes.extend(host.map(|host| ("server.address", host)));
    Description {
        // Not the path: it is the client's, and there are as many as it likes.
        name: match method {
            "_OTHER" => "HTTP".into(),
            method => method.into(),
        },
        attributes,
    }
}

/// The methods that are known: a name that a client made up is none of few.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = KNOWN.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("_OTHER")
}

impl Source for Counts {
    fn samples(&self, to: &mut Samples) {
        let provider = ("provider", self.provider.as_str());
        for (class, count) in CLASSES.into_iter().zip(&self.classes) {
            let count = count.load(Ordering::Relaxed);
            to.number(
                &family::HTTP_REQUESTS,
                &[provider, ("status", class)],
                count,
            );
        }
        let took = Value::Histogram(self.took.snapshot());
        to.put(&family::HTTP_DURATION, &[provider], took);
    }
}
