//! Frames: how streams, and payloads over a message's size, travel.
//!
//! A call that fits one message is one message each way and knows nothing of this. Where it doesn't
//! fit, both ends open a *channel*: the caller's end is the request's reply subject, the callee's end
//! is the reply subject of the first frame that it sends back. A frame is a message to the other
//! end; its header [`FRAME`](crate::call::header::FRAME) says which, its payload is the bytes:
//!
//! | frame | sent by | means |
//! |---|---|---|
//! | `<n> open <streams> <bytes>` | both, once | the request or the reply itself, with its usual headers; as many streams follow; the payload has that many bytes in all, of which this message has the first |
//! | `<n> data <stream>` | its sender | a piece of a stream; stream 0 is the rest of the payload |
//! | `<n> end <stream>` | its sender | the stream is whole; the payload is its tail (the trailers of a body) |
//! | `<n> fail <stream>` | its sender | the stream broke off; the headers of an error say why |
//! | `<n> credit <stream> <bytes>` | its reader | so many bytes more may be sent |
//! | `<n> stop <stream>` | its reader | nothing more is wanted of the stream |
//! | `<n> cancel` | the caller | it goes away, and everything ends |
//! | `<n> here` | both | nothing: its sender is there, and has sent so many frames before it. It is not counted |
//!
//! - `<n>` numbers all frames of one end, from 0 on. One that is missing breaks the channel; one that
//!   came before is passed over.
//! - An end speaks with the first that sends it a frame; frames that name another reply subject are
//!   passed over. So a request that the network brought twice never has its two answers mixed.
//! - Streams are numbered from 1 on, apart for each direction; a payload refers to one by the extension type
//!   [`STREAM_EXT`]. `credit` and `stop` name a stream of the
//!   other end.
//! - A sender may send what it has credit for. A frame costs its bytes, and [`FRAME_COST_MIN`] at least,
//!   so that many small ones are bounded too. The streams of a reply, and its payload, begin with a
//!   credit of [`WINDOW_BYTES`]; those of a request with none: the callee grants it when the stream is
//!   read, so that a call which is refused has lost nothing and can be made again.
//! - A reply that is an error, or carries no frame header, ends the channel. A caller whose channel breaks
//!   says `cancel`.
//! - The channel is over when both have opened and every stream has ended, failed or been stopped.
//! - Each frame of `data` and of `credit` begins the call's deadline anew; silence for its whole length ends
//!   the channel. So a reader that is slow grants the little it has read in time: [`Channel::settle`].
//! - An end that has heard nothing for [`SILENCE_MAX`] says that it is here ([`Channel::nudge`]), with the
//!   number that its next frame will have. If that is more than came, frames were lost. If nobody is there,
//!   the server says so: once may be a process that is coming back, twice in a row is the end of the
//!   channel ([`Channel::nobody`]). If the process is there and the channel is over, it answers with an error.
//! - Only who says that it understands frames gets any: callers whose reply subject begins with
//!   [`inbox_root`](crate::subject::inbox_root) do.
//!
//! [`Channel`] is one end: it decides, and sends nothing by itself.

mod channel;
mod event;
mod presence;
mod stream;
mod wire;

use std::time::Duration;

pub use channel::{Channel, Role};
pub use event::{Broken, Event};
pub use wire::{Frame, Kind, Malformed};

/// What a reader lets be under way of one stream: enough for a fast network, little enough that a
/// thousand slow readers stay within half a GiB.
pub const WINDOW_BYTES: usize = 512 * 1024;
/// The most bytes of one frame: well below any server's `max_payload`, well above what a message costs.
pub const FRAME_BYTES_MAX: usize = 128 * 1024;
/// What a frame costs of the credit at least: about what it takes in memory beside its bytes.
pub const FRAME_COST_MIN: usize = 1024;
/// After how much silence an end makes sure that the other is still there: soon enough that nobody waits for
/// the dead, seldom enough that a thousand idle streams cost next to nothing, and longer than a process that
/// lost its connection pauses before it tries again.
pub const SILENCE_MAX: Duration = Duration::from_secs(3);
/// How many streams one side of a call may have: a body needs one, a function rarely three.
pub const STREAMS_MAX: u16 = 16;
/// The longest tail of a stream: the trailers of a body are held to less.
pub const TAIL_BYTES_MAX: usize = 72 * 1024;
/// The MessagePack extension type by which a payload refers to a stream: the stream's number, four bytes,
/// the highest first.
pub const STREAM_EXT: i8 = 1;
/// The stream that is the rest of a payload.
pub const PAYLOAD: u16 = 0;

/// What a frame of that many bytes costs of the credit.
pub fn cost(bytes: usize) -> usize {
    bytes.max(FRAME_COST_MIN)
}

#[cfg(test)]
mod transport_test;
