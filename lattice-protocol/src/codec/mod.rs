//! How arguments and results travel: MessagePack, and JSON as a lossless view of it.
//!
//! A payload is read by the type that the callee declares, never by what the bytes claim to be; the
//! walk over types lives with the component runtime, what it stands on lives here.
//!
//! | WIT | MessagePack | JSON |
//! |---|---|---|
//! | `bool`, integers, floats | boolean, smallest integer, float | the same; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | 64-bit integers | integer; a decimal string is accepted | the same |
//! | `char`, `string`, enum | string | string |
//! | `list<u8>` | bin; an array of integers is accepted | base64 string; an array of numbers is accepted |
//! | list, tuple | array | array |
//! | record | map by field name; an array in the order of declaration is accepted | object; the same |
//! | variant | `"case"` or `{"case": payload}` | the same |
//! | flags | array of names | array of names |
//! | `option<T>` | nil or the value; `[value]` where the value itself may be nil | the same |
//! | `result<T, E>` | `{"ok": …}` or `{"err": …}` | the same |
//!
//! In reading order:
//! - [`Encoding`]: which of the two a payload is.
//! - [`json`]: the two transcoders, byte to byte.
//! - [`Arguments`]: a payload taken apart by parameter.
//! - [`Reader`] and [`Writer`]: typed pulls and pushes.
//! - [`elements`]: the values of a stream, as its bytes.
//! - [`Error`]: what doesn't fit, and where.

mod arguments;
pub mod elements;
mod encoding;
mod error;
pub mod json;
mod reader;
mod writer;

pub use arguments::{Arguments, Parameter};
pub use encoding::Encoding;
pub use error::{Error, names};
pub(crate) use reader::BASE64;
pub use reader::{Integer, Reader};
pub use writer::{Mark, Writer};

/// How deep values may nest. A WIT type nests at most 100 deep and every level of it is at most one
/// level here, plus the array of arguments; the walks below are recursive, so more would cost stack.
pub const DEPTH_MAX: usize = 104;

#[cfg(test)]
mod arguments_test;
#[cfg(test)]
mod json_test;
#[cfg(test)]
mod reader_test;
