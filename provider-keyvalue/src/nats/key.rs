//! Any string as a JetStream key, and back.
//!
//! JetStream takes `A-Z a-z 0-9 - / _ = .` and no empty word between dots. Those characters stay,
//! so that a key reads the same in any KV client; every other byte, and a dot or an underscore
//! where it would not be taken, is `=` and two hexadecimal digits; the empty key is a lone `=`.
//! Each string has exactly one encoding.

/// Keys that begin so are kept for NATS's own use.
const RESERVED: &str = "_kv";
const EMPTY: &str = "=";

/// The key of a JetStream key; none if no key is spelled so: somebody else wrote it.
pub(super) fn decode(encoded: &str) -> Option<String> {
    if encoded == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'=' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|key| encode(key) == encoded)
}

/// The JetStream key of a key.
pub(super) fn encode(key: &str) -> String {
    if key.is_empty() {
        return EMPTY.into();
    }
    let bytes = key.as_bytes();
    let mut encoded = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if stays(bytes, at) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("={byte:02X}"));
        }
    }
    encoded
}

fn stays(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        // A dot needs a word on either side.
        b'.' => at > 0 && bytes[at - 1] != b'.' && at + 1 < bytes.len(),
        b'_' => at > 0 || !bytes.starts_with(RESERVED.as_bytes()),
        byte => byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'/',
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule that the client library applies to keys.
    fn is_taken(encoded: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-/_=.".contains(&b);
        encoded.bytes().all(allowed)
            && encoded.split('.').all(|word| !word.is_empty())
            && !encoded.starts_with(RESERVED)
    }

    #[test]
    fn what_jetstream_takes_stays_readable() {
        for key in ["counter", "user/1.name", "a-b_c", "A.b.C"] {
            assert_eq!(encode(key), key);
        }
        assert_eq!(encode(""), "=");
        assert_eq!(encode("="), "=3D");
        assert_eq!(encode("a b"), "a=20b");
        assert_eq!(encode("ä"), "=C3=A4");
        assert_eq!(encode(".a..b."), "=2Ea.=2Eb=2E");
        assert_eq!(encode("_kv"), "=5Fkv");
        assert_eq!(encode("$KV.>"), "=24KV.=3E");
    }

    #[test]
    fn what_no_key_is_spelled_like_is_not_one() {
        for foreign in [
            "a=20", "=61", "=3d", "=4", "a=zz", "=C3", "==", "_kv", "a..b",
        ] {
            assert_eq!(decode(foreign).is_some(), foreign == "a=20", "{foreign}");
        }
    }

    #[test]
    fn the_longest_key_fits_into_a_protocol_line_however_it_is_spelled() {
        let longest = " ".repeat(crate::limits::KEY_BYTES_MAX);
        // A read names the bucket twice, each time with three names of 63, and a reply subject.
        let names = 2 * (3 * 64 + 32) + 128;
        assert!(encode(&longest).len() + names < 4096);
    }

    proptest! {
        #[test]
        fn every_string_is_a_key_and_comes_back(key in ".{0,200}|[._=kv]{0,12}") {
            let encoded = encode(&key);
            prop_assert!(is_taken(&encoded), "{}", encoded);
            prop_assert_eq!(decode(&encoded), Some(key));
        }

        #[test]
        fn no_two_jetstream_keys_are_one_key(encoded in "[-/_=.0-9A-Fkv]{1,12}") {
            if let Some(key) = decode(&encoded) {
                prop_assert_eq!(encode(&key), encoded);
            }
        }
    }
}
