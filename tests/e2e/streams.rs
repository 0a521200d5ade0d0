//! Streams and large payloads over NATS, between two clients that know nothing of each other but the
//! lattice; and what becomes of them when something in between fails.
//!
//! - `pair`: the vocabulary;
//! - `whole`: what comes whole, and in bounds; `endings`: what does not;
//! - `by_hand`: answers that no callee of ours gives;
//! - `faulty`: a transport that drops, repeats and reorders;
//! - `restarted`: a server that goes away and comes back, `gate`: a way to it that can be shut;
//! - `edge`, `aborted`, `stalled`, `killed`: over HTTP, with hosts and providers that are processes.

mod aborted;
mod by_hand;
mod edge;
mod endings;
mod faulty;
mod gate;
mod killed;
mod pair;
mod restarted;
mod stalled;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::{Reader, Streams, Writer, pipe};
use lattice_client::{Call, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_tests::{Nats, eventually};
use tokio::sync::{Semaphore, mpsc};

use pair::{KIB, MIB, OtherProcess, Pair, connect, drain, feed, pattern, send_back};
