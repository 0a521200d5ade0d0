use std::sync::Mutex;

use lattice_protocol::error::{CallError, ErrorCode};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};

use super::*;
use crate::Way;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Keeps what is exported.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

fn tracer(sampler: Sampler, by_parent: bool) -> (Tracer, Kept) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_simple_exporter(kept.clone())
        .build();
    (Tracer::new(provider.tracer("test"), by_parent), kept)
}

fn on() -> (Tracer, Kept) {
    tracer(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)), true)
}

fn context(traceparent: Option<&str>) -> Context {
    Context {
        traceparent: traceparent.map(str::to_owned),
        ..Context::default()
    }
}

fn says() -> Description {
    Description {
        name: "a/b".into(),
        attributes: vec![("k", "v".to_owned())],
    }
}

const SERVES: Role = Role::Serves(Way::Queue);

#[test]
fn a_span_goes_on_with_the_callers_trace_below_the_callers_span() {
    let (tracer, kept) = on();
    let span = tracer.span(SERVES, (&context(Some(SAMPLED))).into(), says);
    let header: Traceparent = span.header().unwrap().parse().unwrap();
    let caller: Traceparent = SAMPLED.parse().unwrap();
    assert_eq!(header.trace, caller.trace);
    assert_ne!(header.span, caller.span);
    assert!(header.is_sampled());
    span.end::<()>(&Ok(()));
    let kept = kept.0.lock().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].name, "a/b");
    assert_eq!(kept[0].parent_span_id, caller.span.into());
    assert!(kept[0].parent_span_is_remote);
    assert_eq!(kept[0].span_kind, SpanKind::Server);
}

#[test]
fn without_a_tracer_and_for_a_caller_that_does_not_record_the_header_passes_through() {
    let unsampled = SAMPLED.replace("-01", "-00");
    let never = || -> Description { panic!("nobody asks") };
    let off = Tracer::default();
    assert_eq!(
        off.span(SERVES, (&context(Some(SAMPLED))).into(), never)
            .header(),
        None
    );
    let (tracer, kept) = on();
    let span = tracer.span(SERVES, (&context(Some(&unsampled))).into(), never);
    assert_eq!(span.header(), None);
    drop(span);
    assert!(kept.0.lock().unwrap().is_empty());
}

#[test]
fn a_trace_that_is_not_sampled_at_its_root_says_so_to_those_below() {
    let (tracer, kept) = tracer(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)), true);
    let span = tracer.span(SERVES, (&context(None)).into(), says);
    let header: Traceparent = span.header().unwrap().parse().unwrap();
    assert!(!header.is_sampled());
    drop(span);
    assert!(kept.0.lock().unwrap().is_empty());
}

#[test]
fn a_header_that_is_none_begins_a_new_trace() {
    let (tracer, _kept) = on();
    let span = tracer.span(SERVES, (&context(Some("00-1-2-01"))).into(), says);
    assert!(
        span.header()
            .unwrap()
            .parse::<Traceparent>()
            .unwrap()
            .is_sampled()
    );
    span.end::<()>(&Ok(()));
}

#[test]
fn a_span_says_how_its_call_failed_and_one_that_is_dropped_that_it_was_given_up() {
    let (tracer, kept) = on();
    let failed = tracer.span(Role::Calls, (&context(None)).into(), says);
    failed.end::<()>(&Err(CallError::refused(ErrorCode::Overloaded, "full")));
    drop(tracer.span(Role::Calls, (&context(None)).into(), says));
    let kept = kept.0.lock().unwrap();
    let codes: Vec<_> = kept
        .iter()
        .map(|span| {
            let found = span
                .attributes
                .iter()
                .find(|kv| kv.key.as_str() == "error.type");
            found.unwrap().value.to_string()
        })
        .collect();
    assert_eq!(codes, ["overloaded", "cancelled"]);
}
