//! Content addresses of components: `sha256:` and 64 hex digits.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

use crate::id::{Error, text_id};

/// On each message of stored bytes: the component that they were stored for, so that bytes which no record
/// names can be removed without harm to a push on its way. Bytes without it are others', and stay.
pub const COMPONENT_HEADER: &str = "Lattice-Component";
const PREFIX: &str = "sha256:";
const HEX_LEN: usize = 64;

/// The sha256 of a component's bytes: the name under which it travels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(SmolStr);

text_id!(
    Digest,
    "digest",
    is_digest,
    "use sha256: and 64 lower-case hex digits"
);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + HEX_LEN);
        text.push_str(PREFIX);
        for byte in Sha256::digest(bytes) {
            text.push(hex(byte >> 4));
            text.push(hex(byte & 0xf));
        }
        Self(text.into())
    }

    /// The hex digits alone: safe as a file name or an object's name.
    pub fn hex(&self) -> &str {
        &self.0[PREFIX.len()..]
    }

    /// As NATS writes it in the record of an object: other clients check what they read by it.
    pub fn in_object_store(&self) -> String {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => digit - b'0',
            digit => digit.wrapping_sub(b'a') + 10,
        };
        let digits = self.hex().as_bytes().chunks_exact(2);
        let bytes: Vec<_> = digits
            .map(|pair| (nibble(pair[0]) << 4) | nibble(pair[1]))
            .collect();
        format!("SHA-256={}", URL_SAFE.encode(bytes))
    }

    /// Twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

fn hex(nibble: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)])
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|hex| {
        hex.len() == HEX_LEN && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_known_bytes() {
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.as_str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.short(), "ba7816bf8f01");
        assert_eq!(
            digest.in_object_store(),
            "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="
        );
        assert_eq!(digest.as_str().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn what_is_not_a_digest_is_refused() {
        for text in [
            "",
            "sha256:",
            "sha256:ABC",
            &format!("sha512:{}", "a".repeat(64)),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text:?} was taken");
        }
    }
}
