//! `wasi:keyvalue@0.2.0-draft` as it travels: `store`, `atomics` and `batch`.
//!
//! | function | arguments | result |
//! |---|---|---|
//! | `wasi:keyvalue/store.open` | [`Open`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.get` | [`ByKey`] | `result<option<list<u8>>, error>` |
//! | `wasi:keyvalue/store.bucket.set` | [`Set`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.delete` | [`ByKey`] | `result<_, error>` |
//! | `wasi:keyvalue/store.bucket.exists` | [`ByKey`] | `result<bool, error>` |
//! | `wasi:keyvalue/store.bucket.list-keys` | [`ListKeys`] | `result<key-response, error>` |
//! | `wasi:keyvalue/atomics.increment` | [`Increment`] | `result<u64, error>` |
//! | `wasi:keyvalue/batch.get-many` | [`ByKeys`] | `result<list<option<tuple<string, list<u8>>>>, error>` |
//! | `wasi:keyvalue/batch.set-many` | [`SetMany`] | `result<_, error>` |
//! | `wasi:keyvalue/batch.delete-many` | [`ByKeys`] | `result<_, error>` |
//!
//! A bucket's handle travels as the identifier it was opened with. Which store that is, is up to
//! the link: its `bucket` names the bucket that stands for the identifier.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::octets;
use crate::words::words;

/// The interface of buckets.
pub const STORE: &str = "wasi:keyvalue/store";
/// The interface of atomic operations.
pub const ATOMICS: &str = "wasi:keyvalue/atomics";
/// The interface of operations on many keys.
pub const BATCH: &str = "wasi:keyvalue/batch";

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
        /// Reads many values.
        GetMany = "wasi:keyvalue/batch.get-many",
        /// Writes many values.
        SetMany = "wasi:keyvalue/batch.set-many",
        /// Removes many keys.
        DeleteMany = "wasi:keyvalue/batch.delete-many",
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
    pub delta: u64,
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
    fn every_operation_is_an_endpoint() {
        for operation in Operation::ALL {
            let endpoint: crate::interface::Endpoint = operation.as_str().parse().unwrap();
            assert_eq!(endpoint.interface.unwrap().package(), "wasi:keyvalue");
        }
    }
}
