//! The two ends of a call that needs frames.

mod answering;
mod asking;

pub(crate) use answering::{Answering, Opened};
pub(crate) use asking::Asking;
