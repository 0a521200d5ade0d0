//! What is switched off costs nothing: counted in allocations, as time decides nothing in a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what must hold by these"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;

use bytes::Bytes;
use lattice_protocol::call::Context;
use lattice_protocol::error::CallError;
use lattice_protocol::id::{LatticeId, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_telemetry::metrics::{Callee, Meter};
use lattice_telemetry::{Calling, Served, Serving, Setup, Telemetry, Way};

struct Counting;

thread_local! {
    static MADE: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system's allocator's, and a number is counted beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may still allocate.
        let _ = MADE.try_with(|made| made.set(made.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One call, as the host that serves it measures it, and one that it makes.
struct Call {
    lattice: LatticeId,
    target: TargetName,
    endpoint: Endpoint,
    context: Context,
}

impl Call {
    fn new(traceparent: Option<&str>) -> Self {
        Self {
            lattice: LatticeId::default(),
            target: "counter".parse().unwrap(),
            endpoint: "test:kit/a.get".parse().unwrap(),
            context: Context {
                traceparent: traceparent.map(str::to_owned),
                ..Context::default()
            },
        }
    }

    /// How many allocations it takes to measure both ends of it.
    fn allocations(&mut self, telemetry: &Telemetry, meter: Option<&Meter>) -> usize {
        let result: Result<Bytes, CallError> = Ok(Bytes::new());
        let before = MADE.get();
        let served = Served {
            lattice: &self.lattice,
            callee: Callee::Actor,
            target: &self.target,
            endpoint: &self.endpoint,
            context: &self.context,
        };
        let tracer = telemetry.tracer();
        let serving = Serving::begin(tracer, meter, Instant::now(), Way::Queue, served);
        assert!(serving.context(&self.context).is_none());
        let (lattice, context) = (&self.lattice, &mut self.context);
        let mut calling =
            Calling::begin(tracer, None, lattice, &self.target, &self.endpoint, context);
        calling.goes(Way::Local);
        calling.end(&result);
        serving.end(&result);
        MADE.get() - before
    }
}

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

#[test]
fn nothing_is_allocated_for_a_call_when_telemetry_is_off() {
    let off = Telemetry::off();
    for traceparent in [None, Some(SAMPLED), Some(UNSAMPLED)] {
        assert_eq!(Call::new(traceparent).allocations(&off, None), 0);
    }
}

#[tokio::test]
async fn nothing_is_allocated_for_a_call_that_is_only_counted_or_that_its_caller_does_not_record() {
    // SAFETY: no other test of this binary reads the environment, and no thread was started by this one.
    unsafe { std::env::set_var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9") };
    let setup = Setup {
        service: "test",
        instance: "test".into(),
        lattice: "default".into(),
        version: "1",
        metrics: Some("127.0.0.1:0".parse().unwrap()),
    };
    let running = setup.start().await.unwrap();
    let telemetry = running.telemetry();
    let registry = telemetry.registry().expect("there is a listener");
    let meters = registry.meters(Callee::Actor, "counter", ["get"]);
    let meter = Some(&*meters[0]);
    let mut call = Call::new(Some(UNSAMPLED));
    assert_eq!(call.allocations(&telemetry, meter), 0);
}
