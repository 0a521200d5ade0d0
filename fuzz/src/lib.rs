//! What several targets say alike: how a thing survives its encodings.
//!
//! A target reads what a stranger sends. It states promises by assertions; the fuzzer looks for the
//! input that breaks one. See `README.md` for how to run and reproduce.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod shape;

/// Splits the byte that chooses from the rest; nothing to choose from is nothing to test.
pub fn choose(data: &[u8]) -> Option<(usize, &[u8])> {
    data.split_first()
        .map(|(byte, rest)| (usize::from(*byte), rest))
}

/// What is taken from JSON comes back equal after it was written again.
pub fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    json: &[u8],
) -> Option<T> {
    let taken: T = serde_json::from_slice(json).ok()?;
    let written = serde_json::to_vec(&taken).expect("what was read can be written");
    assert_eq!(
        serde_json::from_slice::<T>(&written).expect("what was written can be read"),
        taken
    );
    Some(taken)
}

/// What is taken from either encoding comes back equal from both, by name and by position.
pub fn survives_both<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    let json = survives_json::<T>(data);
    let packed = rmp_serde::from_slice::<T>(data).ok();
    for taken in [json, packed].into_iter().flatten() {
        let text = serde_json::to_vec(&taken).expect("what was read can be written as JSON");
        let named = rmp_serde::to_vec_named(&taken).expect("and as MessagePack by name");
        let placed = rmp_serde::to_vec(&taken).expect("and by position");
        let read = serde_json::from_slice::<T>(&text);
        assert_eq!(read.expect("JSON can be read"), taken);
        for bytes in [named, placed] {
            let read = rmp_serde::from_slice::<T>(&bytes);
            assert_eq!(read.expect("MessagePack can be read"), taken);
        }
    }
}
