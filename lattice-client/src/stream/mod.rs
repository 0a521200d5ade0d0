//! Streams: bytes that come piece by piece beside a payload.
//!
//! Whoever has a [`Reader`] can't tell where its [`Writer`] is: in this process, with a [`pipe()`] and
//! nothing else between them, or behind NATS. There the pipe has a `pump` at each end, which turns
//! pieces into frames and frames into pieces (see `lattice_protocol::frame`).
//!
//! - [`pipe()`]: a writer and a reader in memory, bounded by bytes;
//! - [`Streams`]: the streams of a call, which can be made again as long as none was begun;
//! - `progress`: when something moved last, and [`Deadline`]: what a call's time counts from;
//! - `channel`: the ends of a call that needs frames, `pump`, which drives one, and `faults`,
//!   how they break;
//! - `gather`: payloads that come in parts.

mod channel;
mod deadline;
mod faults;
mod gather;
mod pipe;
mod progress;
mod pump;
mod streams;

pub(crate) use channel::{Answering, Asking, Opened};
pub use deadline::Deadline;
pub(crate) use faults::over;
pub(crate) use gather::Budget;
pub use gather::GATHERED_BYTES_DEFAULT;
pub use pipe::{Reader, Watch, Writer, pipe, pipe_with};
pub use progress::Progress;
pub(crate) use pump::frame_of;
pub use streams::Streams;

/// What a pipe holds unless somebody says otherwise: a window of frames.
pub const WINDOW_BYTES: usize = lattice_protocol::frame::WINDOW_BYTES;
