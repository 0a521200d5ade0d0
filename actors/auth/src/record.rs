//! What is stored of a key, and under what.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One key's record, as JSON, so that any client of the store can write one: keys that were issued
/// elsewhere move here as their hashes. Fields that are not known are left alone.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) user_id: String,
    /// Seconds since 1970, UTC.
    pub(crate) expires_at: u64,
}

/// What a key is stored under. A plain hash will do: a key has 256 random bits, so there is nothing
/// to guess that salt or a slow hash would protect.
pub(crate) fn id(key: &str) -> String {
    format!("{:x}", Sha256::digest(key))
}

/// Whether a text can be the hash of a key.
pub(crate) fn is_id(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 2 * Sha256::output_size() && text.bytes().all(digit)
}

impl Record {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }
}
