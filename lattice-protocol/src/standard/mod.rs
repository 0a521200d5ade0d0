//! Standard interfaces as they travel: what a host that bridges one and a provider that answers it
//! must spell alike.
//!
//! Each follows the payload mapping of every call, so that any NATS client can stand at either
//! end; a resource's method is a function whose first argument is the name behind the handle.

pub mod health;
pub mod http;
pub mod keyvalue;

use serde::{Deserialize, Serialize};

/// The question that every provider answers, with null, text that says what is wrong with it, or
/// [`Health`](health::Health): whether it is there and well. Any answer says that it is there; an
/// error from one that doesn't know the question does, too.
pub const HEALTH_CHECK: &str = "lattice:provider/health.check";

/// A WIT `result`: `{"ok":…}` or `{"err":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WitResult<T, E> {
    /// It worked.
    Ok(T),
    /// It didn't, in the interface's own words.
    Err(E),
}

impl<T, E> From<Result<T, E>> for WitResult<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Err(error),
        }
    }
}

impl<T, E> From<WitResult<T, E>> for Result<T, E> {
    fn from(result: WitResult<T, E>) -> Self {
        match result {
            WitResult::Ok(value) => Ok(value),
            WitResult::Err(error) => Err(error),
        }
    }
}

/// Bytes (`list<u8>`): bin in MessagePack, base64 in JSON; an array of numbers is read as well.
pub mod octets {
    use base64::Engine as _;
    use bytes::Bytes;
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::codec::BASE64;

    /// What an array may reserve before its elements were seen.
    const RESERVE_MAX: usize = 4096;

    /// Writes bytes as the format spells them.
    pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64.encode(bytes))
        } else {
            serializer.serialize_bytes(bytes)
        }
    }

    /// Reads bytes as the format spells them.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let octets = Octets::of(&deserializer);
        deserializer.deserialize_any(octets)
    }

    /// What reads bytes.
    pub(crate) struct Octets {
        base64: bool,
    }

    impl Octets {
        /// One that reads what this format has.
        pub(crate) fn of<'de, D: Deserializer<'de>>(deserializer: &D) -> Self {
            let base64 = deserializer.is_human_readable();
            Self { base64 }
        }
    }

    /// Takes bytes in any form that the format spells them in.
    pub fn visitor<'de>(base64: bool) -> impl Visitor<'de, Value = Bytes> {
        Octets { base64 }
    }

    impl<'de> Visitor<'de> for Octets {
        type Value = Bytes;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(if self.base64 {
                "list<u8> (base64 or an array of numbers)"
            } else {
                "list<u8> (bin or an array of numbers)"
            })
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
            Ok(Bytes::copy_from_slice(bytes))
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
            Ok(Bytes::from(bytes))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
            if !self.base64 {
                return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
            }
            BASE64
                .decode(text)
                .map(Bytes::from)
                .map_err(|_| E::custom("expected list<u8>, found a string that is not base64"))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
            let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(RESERVE_MAX));
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(Bytes::from(bytes))
        }
    }

    /// The same for `option<list<u8>>`.
    pub mod optional {
        use super::{Bytes, Deserializer, Serializer};
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        struct Wrapped(#[serde(with = "super")] Bytes);

        /// Writes null or bytes.
        pub fn serialize<S: Serializer>(
            bytes: &Option<Bytes>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            bytes.clone().map(Wrapped).serialize(serializer)
        }

        /// Reads null or bytes.
        pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Bytes>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(d)?.map(|wrapped| wrapped.0))
        }
    }
}
