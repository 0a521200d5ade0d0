//! A host: runs WebAssembly components as actors, and starts the providers it is given.
//!
//! It is not for talking to NATS (that is `lattice-client`), for what is declared and where it
//! should run (`lattice-config`), or for what providers do (`provider-sdk`).
//!
//! ```text
//!   NATS ──► actor::inbox ──► actor::admission ──► actor::call ──► wire ──► instance (wasm)
//!            who is called     room, queue, no      deadline,      bytes to   │
//!                                                   encoding       memory     │ import
//!   NATS ◄── route ◄── outbox ◄── link ◄── capability ◄───────────────────────┘
//!     actor ◄─┘         remaining   who      keyvalue, http,
//!     of this host      time, hops  answers  any linked interface
//! ```
//!
//! In reading order:
//! - [`host`]: starts and stops everything below; [`options`]: what it is told at its start;
//! - [`actor`]: calls coming in, and the revisions that serve them;
//! - [`component`]: what a component exports and imports;
//! - [`engine`]: wasmtime, its limits, and compiled components on disk;
//! - [`wire`]: values between payloads and guest memory;
//! - [`capability`]: every import an actor may have; [`allow`]: what of this host may be granted;
//! - [`link`], [`outbox`], [`route`]: who answers an import, and the way there: straight in, to a
//!   peer, or to whoever serves it;
//! - [`provider`]: supervised provider processes;
//! - [`reconcile`]: lease, plan and this host's assignment;
//! - [`control`]: what operators ask;
//! - [`report`], [`peers`], [`event`]: what hosts say of themselves, and hear of others; [`heartbeat`]:
//!   what of it is said each time, and known by it;
//! - [`metrics`]: what a host counts.

pub mod actor;
pub mod allow;
pub mod capability;
pub mod component;
pub mod control;
pub mod engine;
pub mod event;
pub mod heartbeat;
pub mod host;
pub mod labels;
pub mod link;
pub mod metrics;
pub mod options;
pub mod outbox;
pub mod peers;
pub mod provider;
pub mod reconcile;
pub mod report;
pub mod route;
pub mod wire;

pub use allow::{Allow, AllowedFolder};
pub use host::{Error, Host, run};
pub use metrics::run_shown;
pub use options::Options;
