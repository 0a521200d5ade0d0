//! The two ends of a call that needs frames, and the reply that the one waits for.

mod answering;
mod asking;
mod awaited;

pub(crate) use answering::{Answering, Opened};
pub(crate) use asking::Asking;
