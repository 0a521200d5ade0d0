//! Hashes what it is given.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use bindings::exports::cyber_grid::crypto::hasher::Guest;
use sha2::{Digest, Sha256};

struct Hasher;

bindings::export!(Hasher with_types_in bindings);

impl Guest for Hasher {
    fn hash_payload(data: Vec<u8>) -> String {
        format!("{:x}", Sha256::digest(data))
    }
}
