//! End to end: what the README and `docs/protocol.md` promise, against a real nats-server.
//!
//! - [`calls`], [`values`]: what any NATS client can ask of an actor, and how errors look;
//! - [`endings`], [`sandbox`]: calls that end badly, and what a guest can't do;
//! - [`busy`]: how many calls run at once;
//! - [`worlds`]: what an actor gets of WASI, and what it must be granted;
//! - [`path`]: from HTTP through an actor to a store and back;
//! - [`auth`]: a service as people come for it, from its deployment to the death of a host;
//! - [`edge`]: TLS, the access log and large bodies;
//! - [`outgoing`]: requests that actors send;
//! - [`foreign`]: HTTP servers of other people's frameworks;
//! - [`refusals`], [`control`]: what operators ask; [`artifacts`]: components that are pushed and removed;
//!   [`rollback`]: what the lattice takes back by itself; [`permissions`]: who may do what;
//! - [`links`]: calls from actor to actor, on one host and over two;
//! - [`flows`]: streams and futures of functions, as callers from outside see them;
//! - [`way`]: one suite over both ways that a request can go; [`servers`]: one over one NATS server and three;
//! - [`keyvalue`]: what any NATS client can ask of a key-value provider;
//! - [`many`]: many actors on one host; [`hosts`]: more than one host; [`cluster`]: more than one NATS server;
//! - [`events`]: each kind of event, said once it is so;
//! - [`up`], [`faults`]: the `lattice` binary and its processes;
//! - [`telemetry`]: traces and metrics, as a collector and a scraper see them;
//! - [`providers`]: how providers are watched, told their settings, and run inside a host;
//! - [`python`]: a client that is not ours;
//! - [`cli`]: the program's commands in a lattice of the test's own;
//! - [`guests`], [`invariants`]: what ARCHITECTURE.md says of the sources.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what must hold by these"
)]

mod artifacts;
mod auth;
mod busy;
mod calls;
mod cli;
mod cluster;
mod control;
mod edge;
mod endings;
mod events;
mod faults;
mod flows;
mod foreign;
mod guests;
mod hosts;
mod invariants;
mod keyvalue;
mod links;
mod many;
mod outgoing;
mod path;
mod permissions;
mod project;
mod providers;
mod python;
mod refusals;
mod rollback;
mod sandbox;
mod servers;
mod streams;
mod telemetry;
mod up;
mod values;
mod way;
mod worlds;

use std::path::Path;

use lattice_tests::Lattice;

/// The `lattice` binary.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lattice"))
}

/// A lattice of one host, `a`.
async fn one_host() -> Lattice {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice
}
