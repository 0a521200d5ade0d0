//! A connection to a lattice: what hosts, providers, the command line and tests share.
//!
//! This crate knows NATS; what stands above it knows calls, control, state and events, and could
//! be carried by another transport. What the messages say is in `lattice-protocol`; what is
//! declared is in `lattice-config`.
//!
//! In reading order:
//! - [`connect`](Client::connect): options, authentication, the events of the connection;
//! - `mux`: one inbox for all replies of a process;
//! - [`call`](Call): one request, one reply, one deadline;
//! - [`serve`](Serving): calls coming in, and their [`Responder`];
//! - `cancel`: callers that go away; `inflow`: subscriptions that are left without a loss;
//! - [`control`](Client::control): requests of operators;
//! - [`state`](State): the desired state, by compare-and-swap, and a watch on it;
//! - [`artifact`](Artifacts): components by digest;
//! - [`broadcast`](Client::publish_event): events and log records;
//! - [`process`]: how a process of a lattice is told where to connect, and when to stop.

mod artifact;
mod broadcast;
mod call;
mod cancel;
mod connect;
mod control;
mod headers;
mod inflow;
mod mux;
pub mod process;
mod serve;
mod state;

pub use artifact::{ArtifactError, Artifacts};
pub use broadcast::{Events, Logs, now_rfc3339};
pub use call::Call;
pub use connect::{Client, ConnectError, Options};
pub use control::{ControlError, ControlRequest, Controls};
pub use serve::{Incoming, Responder, ServeError, Serving};
pub use state::{DeclaredWatch, State, StateEntry, StateError, StateRevision, StateWatch};
