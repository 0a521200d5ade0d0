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
//! - [`serve`](Serving): calls coming in; `respond`: their way back, the [`Responder`];
//! - [`stream`]: what comes piece by piece beside a payload;
//! - `cancel`: callers that go away; `inflow`: subscriptions that are left without a loss;
//! - [`control`](Client::control): requests of operators;
//! - [`state`](State): the desired state, by compare-and-swap, and a watch on it;
//! - [`artifact`](Artifacts): components by digest; `expected`: what both write by;
//! - [`audit`](Client::audit): who changed what, kept;
//! - [`Replicas`]: on how many servers stores are kept;
//! - `system`: the system account of NATS, which cuts the connection of a host that hangs;
//! - [`broadcast`](Client::publish_event): events and log records;
//! - [`process`]: how a process of a lattice is told where to connect, and when to stop.

mod artifact;
mod audit;
mod broadcast;
mod call;
mod cancel;
mod connect;
mod control;
mod expected;
mod headers;
mod inflow;
mod mux;
pub mod process;
mod replicas;
mod respond;
mod serve;
mod state;
pub mod stream;
mod system;

pub use artifact::{ArtifactError, Artifacts, Record, Records, Stored, StoredArtifact, Swept};
pub use audit::AuditError;
pub use broadcast::{Events, Logs, now_rfc3339, rfc3339_ago};
pub use call::{Call, Heard, Reply};
pub use connect::{Client, ConnectError, Options};
pub use control::{ControlError, ControlRequest, Controls};
pub use replicas::{Copies, Replicas, ReplicasError};
pub use respond::Responder;
pub use serve::{Incoming, ServeError, Serving};
pub use state::{DeclaredWatch, State, StateEntry, StateError, StateRevision, StateWatch};
pub use system::{System, SystemError};
