//! `wasi:keyvalue@0.2.0-draft` and `0.2.0-draft2` as they travel: `store`, `atomics` and `batch`.
//!
//! | function | arguments | result |
//! |---|---|---|
//! | `wasi:keyvalue/store.open` | [`Open`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.get` | [`ByKey`] | `result<option<list<u8>>, error>` |
//! | `wasi:keyvalue/store.bucket.set` | [`Set`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.delete` | [`ByKey`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.exists` | [`ByKey`] | `result<bool, error>` |
//! | `wasi:keyvalue/store.bucket.list-keys` | [`ListKeys`] | `result<key-response, error>` |
//! | `wasi:keyvalue/atomics.increment` | [`Increment`] | `result<u64, error>`, or `result<s64, error>` if `signed` |
//! | `wasi:keyvalue/atomics.cas.new` | [`ByKey`] | `result<versioned, error>` |
//! | `wasi:keyvalue/atomics.swap` | [`Swap`] | `result<_, swap-error>` |
//! | `wasi:keyvalue/batch.get-many` | [`ByKeys`] | `result<list<option<tuple<string, list<u8>>>>, error>` |
//! | `wasi:keyvalue/batch.set-many` | [`SetMany`] | `result<_, error>` |
//! | `wasi:keyvalue/batch.delete-many` | [`ByKeys`] | `result<_, error>` |
//!
//! What a component exports to hear of changes is called by the provider ([`Heard`]):
//!
//! | function | arguments | result |
//! |---|---|---|
//! | `wasi:keyvalue/watcher.on-set` | [`Set`] | none |
//! | `wasi:keyvalue/watcher.on-delete` | [`ByKey`] | none |
//!
//! There `bucket` is the name of the link that asked, so that the component's handle leads through it.
//!
//! A bucket's handle travels as the identifier it was opened with. Which store that is, is up to
//! the link: its `bucket` names the bucket that stands for the identifier. The handle of a
//! compare-and-swap travels as bucket, key and version.
//!
//! Whoever answers looks for the bucket at each operation: a host leaves `open` out for one that the
//! actor opened a moment ago, be the provider's process another since.
//!
//! Both versions of the interface travel alike; what differs is the host's to convert. `signed` is
//! left out where it is false, so that a provider that knows only the first version reads the rest.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::octets;
use crate::words::words;

mod number;

pub use number::Number;

/// The interface of buckets.
pub const STORE: &str = "wasi:keyvalue/store";
/// The interface of atomic operations.
pub const ATOMICS: &str = "wasi:keyvalue/atomics";
/// The interface of operations on many keys.
pub const BATCH: &str = "wasi:keyvalue/batch";
/// The interface that a component exports to hear of changes.
pub const WATCHER: &str = "wasi:keyvalue/watcher";
/// The field of a link's config that asks for it: `true`, or what the keys begin with.
pub const WATCH: &str = "watch";

words! {
    /// What can be asked of a key-value provider, in the order of the table above.
    Operation {
        /// Opens a bucket.
        Open = "wasi:keyvalue/store.open",
        /// Reads a value.
        Get = "wasi:keyvalue/store.bucket.get",
        /// Writes a value.
        Set = "wasi:keyvalue/store.bucket.set",
        /// Removes a key.
        Delete = "wasi:keyvalue/store.bucket.delete",
        /// Whether a key is there.
        Exists = "wasi:keyvalue/store.bucket.exists",
        /// A page of keys.
        ListKeys = "wasi:keyvalue/store.bucket.list-keys",
        /// Adds to a number.
        Increment = "wasi:keyvalue/atomics.increment",
        /// Reads a value with its version.
        CasNew = "wasi:keyvalue/atomics.cas.new",
        /// Writes a value if nobody wrote since a version.
        Swap = "wasi:keyvalue/atomics.swap",
        /// Reads many values.
        GetMany = "wasi:keyvalue/batch.get-many",
        /// Writes many values.
        SetMany = "wasi:keyvalue/batch.set-many",
        /// Removes many keys.
        DeleteMany = "wasi:keyvalue/batch.delete-many",
    }
}

words! {
    /// What a component that exports the watcher hears.
    Heard {
        /// A key was written.
        Set = "wasi:keyvalue/watcher.on-set",
        /// A key was removed.
        Delete = "wasi:keyvalue/watcher.on-delete",
    }
}

/// The interface's own errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    /// No bucket of that name.
    #[error("no such store")]
    NoSuchStore,
    /// The link doesn't allow it.
    #[error("access denied")]
    AccessDenied,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Opens a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// What the component calls it.
    pub identifier: String,
}

/// One key of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByKey {
    /// The bucket's identifier.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// Writes a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The bucket's identifier.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The value.
    #[serde(with = "octets")]
    pub value: Bytes,
}

/// Asks for a page of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListKeys {
    /// The bucket's identifier.
    pub bucket: String,
    /// Where the page before this one ended.
    #[serde(default)]
    pub cursor: Option<u64>,
}

/// A page of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyResponse {
    /// The keys.
    pub keys: Vec<String>,
    /// Where the next page begins; none when this was the last.
    pub cursor: Option<u64>,
}

/// Adds to a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Increment {
    /// The bucket's identifier.
    pub bucket: String,
    /// The key; one that is not there counts as 0.
    pub key: String,
    /// What to add.
    pub delta: Number,
    /// Whether delta and sum are of 64 bits with a sign, not of 64 without.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signed: bool,
}

/// Writes a value if nobody wrote its key since it had that version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// The bucket's identifier.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What [`Versioned`] said.
    pub version: String,
    /// The value.
    #[serde(with = "octets")]
    pub value: Bytes,
}

/// A value and what a [`Swap`] must name to replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned {
    /// Means something to the store alone.
    pub version: String,
    /// The value; none where there is no such key.
    #[serde(with = "octets::optional")]
    pub value: Option<Bytes>,
}

/// Why a [`Swap`] did not take place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapError {
    /// An error of the store.
    StoreError(Error),
    /// Somebody else wrote first: what stands there now.
    CasFailed(Versioned),
}

/// Many keys of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByKeys {
    /// The bucket's identifier.
    pub bucket: String,
    /// The keys.
    pub keys: Vec<String>,
}

/// Writes many values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMany {
    /// The bucket's identifier.
    pub bucket: String,
    /// The pairs.
    #[serde(rename = "key-values")]
    pub key_values: Vec<Pair>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair(pub String, #[serde(with = "octets")] pub Bytes);

/// A value that may not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(#[serde(with = "octets::optional")] pub Option<Bytes>);

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standard::WitResult;

    #[test]
    fn results_are_spelled_as_the_payload_mapping_says() {
        let json = |r: &WitResult<Value, Error>| serde_json::to_string(r).unwrap();
        assert_eq!(
            json(&WitResult::Ok(Value(Some(Bytes::from_static(b"hi"))))),
            r#"{"ok":"aGk="}"#
        );
        assert_eq!(json(&WitResult::Ok(Value(None))), r#"{"ok":null}"#);
        assert_eq!(
            json(&WitResult::Err(Error::NoSuchStore)),
            r#"{"err":"no-such-store"}"#
        );
        assert_eq!(
            json(&WitResult::Err(Error::Other("x".into()))),
            r#"{"err":{"other":"x"}}"#
        );
        let unit: WitResult<(), Error> = WitResult::Ok(());
        assert_eq!(serde_json::to_string(&unit).unwrap(), r#"{"ok":null}"#);
    }

    #[test]
    fn a_result_survives_messagepack() {
        for result in [
            WitResult::Ok(Value(Some(Bytes::from_static(&[0xff, 0])))),
            WitResult::Ok(Value(None)),
            WitResult::Err(Error::Other("x".into())),
            WitResult::Err(Error::AccessDenied),
        ] {
            let packed = rmp_serde::to_vec_named(&result).unwrap();
            let back: WitResult<Value, Error> = rmp_serde::from_slice(&packed).unwrap();
            assert_eq!(back, result);
        }
    }

    #[test]
    fn arguments_are_read_by_position_and_by_name() {
        let set = Set {
            bucket: "b".into(),
            key: "k".into(),
            value: Bytes::from_static(b"v"),
        };
        let by_position = rmp_serde::to_vec(&set).unwrap();
        let by_name = rmp_serde::to_vec_named(&set).unwrap();
        assert_eq!(rmp_serde::from_slice::<Set>(&by_position).unwrap(), set);
        assert_eq!(rmp_serde::from_slice::<Set>(&by_name).unwrap(), set);
        assert_eq!(
            serde_json::from_str::<Set>(r#"["b","k",[118]]"#).unwrap(),
            set
        );
    }

    #[test]
    fn the_sign_is_left_out_where_there_is_none() {
        let increment = |signed| Increment {
            bucket: "b".into(),
            key: "k".into(),
            delta: 1u64.into(),
            signed,
        };
        let by_position = |signed| rmp_serde::to_vec(&increment(signed)).unwrap();
        assert_eq!(by_position(false), [0x93, 0xa1, b'b', 0xa1, b'k', 1]);
        assert_eq!(by_position(true), [0x94, 0xa1, b'b', 0xa1, b'k', 1, 0xc3]);
        for signed in [false, true] {
            let back: Increment = rmp_serde::from_slice(&by_position(signed)).unwrap();
            assert_eq!(back, increment(signed));
        }
        let named = r#"{"bucket":"b","key":"k","delta":1}"#;
        assert_eq!(
            serde_json::from_str::<Increment>(named).unwrap(),
            increment(false)
        );
    }

    #[test]
    fn a_swap_that_failed_says_what_stands_there() {
        let failed: WitResult<(), _> = WitResult::Err(SwapError::CasFailed(Versioned {
            version: "7".into(),
            value: None,
        }));
        let json = r#"{"err":{"cas-failed":{"version":"7","value":null}}}"#;
        assert_eq!(serde_json::to_string(&failed).unwrap(), json);
        let away: WitResult<(), _> = WitResult::Err(SwapError::StoreError(Error::NoSuchStore));
        let json = r#"{"err":{"store-error":"no-such-store"}}"#;
        assert_eq!(serde_json::to_string(&away).unwrap(), json);
    }

    #[test]
    fn whatever_is_asked_or_heard_is_an_endpoint() {
        let asked = Operation::ALL.iter().map(|operation| operation.as_str());
        let heard = Heard::ALL.iter().map(|heard| heard.as_str());
        for name in asked.chain(heard) {
            let endpoint: crate::interface::Endpoint = name.parse().unwrap();
            assert_eq!(endpoint.interface.unwrap().package(), "wasi:keyvalue");
        }
    }
}
