//! What a process of a lattice shows of itself: metrics and traces.
//!
//! Metrics are atomics that whoever counts holds in its hand; they are read when somebody asks, as
//! Prometheus text over HTTP, or by a collector over OTLP. A trace goes over processes in the
//! `traceparent` header of calls; spans leave by OTLP, in batches, from a bounded queue: what finds
//! no room there is dropped, and nobody ever waits for it. What is switched off is a `None` that is
//! looked at and passed by.
//!
//! This crate doesn't know what is measured: hosts and providers have their own sources. It is not
//! for logs, which go over NATS, and keeps nothing once it was told.
//!
//! In reading order:
//! - [`Setup`] and [`Running`]: what is wanted, from the environment to the last flush;
//! - [`Telemetry`]: the handle that everything else is given;
//! - [`metrics`]: families, counters, histograms, the registry and its text;
//! - [`trace`]: spans, and what they say;
//! - [`Serving`] and [`Calling`]: one call, measured and traced on either end;
//! - `otlp`: exporters; `listener`: `GET /metrics` and `GET /healthz`.

mod call;
mod listener;
pub mod metrics;
mod otlp;
mod setup;
mod telemetry;
pub mod trace;
mod way;

pub use call::{Calling, Served, Serving};
pub use setup::{Error, LISTEN, Running, Setup};
pub use telemetry::Telemetry;
pub use way::Way;
