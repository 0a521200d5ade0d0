//! What a frame that came means, and why there can be no next one.

use super::{STREAMS_MAX, TAIL_BYTES_MAX};

/// What a frame that came means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing: it came before, or is about a stream that was stopped.
    Nothing,
    /// The other end has opened.
    Opened {
        /// How many streams it has.
        streams: u16,
        /// The bytes of its whole payload.
        bytes: u64,
    },
    /// A piece of a stream.
    Data(u16),
    /// A stream is whole.
    End(u16),
    /// A stream broke off.
    Fail(u16),
    /// More may be sent of a stream.
    Credit(u16),
    /// A stream is not wanted any more.
    Stop(u16),
    /// The caller goes away.
    Cancel,
}

/// Why a channel can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Frames are missing.
    #[error("frames were lost: number {expected} was due and {came} came")]
    Lost {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        came: u64,
    },
    /// More came than was granted.
    #[error("stream {0} sent more than it had credit for")]
    Flood(u16),
    /// It is about a stream that isn't there.
    #[error("there is no stream {0}")]
    NoStream(u16),
    /// More streams than are allowed.
    #[error("{0} streams were opened and {STREAMS_MAX} are allowed")]
    TooMany(u16),
    /// A tail that is too long.
    #[error("the tail of a stream has {0} bytes and {TAIL_BYTES_MAX} are allowed")]
    LongTail(usize),
    /// A frame that counts reached nobody.
    #[error("a frame was lost: nobody was there")]
    Unheard,
    /// The other end's process is not there any more.
    #[error("the process at the other end is gone")]
    Gone,
    /// It opened twice, or had words before it opened.
    #[error("a frame came out of its turn")]
    OutOfTurn,
}
