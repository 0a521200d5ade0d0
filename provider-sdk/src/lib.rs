//! What a provider author writes against: a type that implements [`Provider`] runs as a process.
//!
//! The kit connects, learns the provider's settings and links from the lattice's state, serves its
//! calls and shuts down in order; the provider says what it answers and answers it. The kit does
//! not start processes (hosts do), and does not print: a [`Program`] logs to standard error.
//!
//! A call's way: NATS → `admission` → `endpoints` → the link → [`Provider::call`] → NATS.
//!
//! In reading order:
//! - [`Provider`]: what to write;
//! - [`Call`]: one call: its link, its arguments, its reply; [`Caller`]: calls of its own;
//! - [`Settings`] and [`Link`]: what the lattice's state says of this provider;
//! - [`Options`]: where it runs, and its limits;
//! - [`Program`]: a provider as a whole program; [`run_shown()`]: a provider that shows what it does;
//! - [`run()`]: from the connection to the last reply;
//! - `follow`: settings as they change; `keeper`: who hands them to the provider, until it takes them;
//! - `service`: one call from its arrival to its answer;
//! - `endpoints`, `links`, `admission`: the decisions on the way;
//! - `shown`: what is counted and traced of it;
//! - [`health`]: the question that every provider answers.

mod admission;
mod call;
mod caller;
mod endpoints;
mod error;
mod follow;
pub mod health;
mod keeper;
mod links;
mod options;
mod process;
mod program;
mod provider;
mod run;
mod service;
mod settings;
mod shown;

pub use async_trait::async_trait;
pub use call::Call;
pub use caller::Caller;
pub use error::Error;
pub use lattice_client::process::shutdown;
pub use lattice_client::{Client, Reply};
pub use lattice_protocol::error::{CallError, ErrorCode};
pub use lattice_protocol::interface::Endpoint;
pub use lattice_telemetry::Telemetry;
pub use options::{DRAIN, Direct, Open, Options, Out, RUNNING_MAX, WAITING_MAX};
pub use process::run_shown;
pub use program::Program;
pub use provider::Provider;
pub use run::run;
pub use settings::{Link, Settings};
pub use tokio_util::sync::CancellationToken;
