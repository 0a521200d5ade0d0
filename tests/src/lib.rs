//! The harness: a lattice in a test's own words, over a real nats-server and real processes.
//!
//! ```no_run
//! # async fn test() {
//! use lattice_tests::Lattice;
//! let mut lattice = Lattice::start("target/debug/lattice").await;
//! lattice.host("a").await;
//! lattice.run("greeter").await;
//! let reply = lattice.request("lattice.default.call.greeter.greet", r#"["World"]"#).await;
//! assert_eq!(reply.text(), r#""Hello, World!""#);
//! # }
//! ```
//!
//! It is not for what a single crate can test by itself, and it has no opinion of its own: every
//! answer is what the system said. The tests are in `e2e/`, built as a test of the crate that has
//! the `lattice` binary, so that `cargo test --workspace` builds that first.
//!
//! In reading order:
//! - [`eventually`](eventually()): the only way to wait;
//! - [`free_port`]: a port that nobody else takes;
//! - [`Nats`], [`Redis`]: servers of the test's own; [`Operator`]: who may do what on them;
//! - [`guest`]: the components in `actors/`, built once; [`example`]: the program of the tutorial;
//! - [`Lattice`]: hosts, apps, calls, control;
//! - [`Machine`]: a host as a process, which can be frozen and killed;
//! - [`Load`]: calls without a pause, each counted with its ending;
//! - [`Reply`]: what a plain NATS client gets back;
//! - [`Logs`], [`Events`]: what was said meanwhile;
//! - [`web`]: an HTTP client; [`Exchange`]: one that sends and reads piece by piece; [`collector`]: who telemetry is sent to;
//! - [`process`]: the `lattice` binary as people run it, and everything that it starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what must hold by these, and the harness is part of them"
)]

mod caller;
pub mod collector;
mod eventually;
pub mod example;
mod exchange;
pub mod guest;
mod heard;
mod lattice;
mod load;
mod machine;
mod nats;
mod operator;
mod placement;
mod port;
pub mod process;
mod redis;
mod reply;
mod request;
pub mod web;

pub use eventually::eventually;
pub use exchange::{END, Exchange, chunk};
pub use heard::{Events, Logs};
pub use lattice::Lattice;
pub use load::{Asked, Endings, Load};
pub use machine::Machine;
pub use nats::Nats;
pub use operator::{Operator, User};
pub use port::free_port;
pub use redis::Redis;
pub use reply::{Failure, Reply};
