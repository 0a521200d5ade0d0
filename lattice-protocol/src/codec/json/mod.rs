//! JSON as a view of MessagePack: transcoded byte to byte, with no tree of values in between.

mod from_msgpack;
mod to_msgpack;

pub use from_msgpack::from_msgpack;
pub use to_msgpack::to_msgpack;

use super::{DEPTH_MAX, Error};

fn too_deep() -> Error {
    Error::new(format!("values nest deeper than {DEPTH_MAX}"))
}

/// Parsers disagree about which of two equal keys counts, so neither does. Sorting keeps a hostile
/// object with many keys cheap.
fn first_duplicate<'k>(keys: &mut [&'k [u8]]) -> Option<&'k [u8]> {
    keys.sort_unstable();
    keys.windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

fn duplicate(key: &[u8]) -> Error {
    Error::twice("key", &String::from_utf8_lossy(key))
}
