//! How a value is written in the store: `{"format":1,"app":{…}}`.
//!
//! A reader takes fields that it doesn't know, since a newer host may have written them. `format`
//! grows only when an older reader would misunderstand a record; that reader then refuses it and
//! changes nothing, as it would when the store can't be reached.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Config, Lease};
use crate::app::App;
use crate::assignment::Assignment;

/// The newest format that this version reads. What an older reader understands is written as 1.
pub const FORMAT: u64 = 2;

/// What the store holds.
pub trait Record: Serialize + DeserializeOwned {
    /// The field that holds it: an app read as an assignment is an error, not an empty assignment.
    const FIELD: &'static str;

    /// The oldest format whose readers understand it.
    fn format(&self) -> u64 {
        1
    }
}

impl Record for App {
    const FIELD: &'static str = "app";
}

impl Record for Assignment {
    const FIELD: &'static str = "assignment";
}

impl Record for Lease {
    const FIELD: &'static str = "lease";
}

impl Record for Config {
    const FIELD: &'static str = "config";
}

/// Why a record can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer version wrote it in a format of its own.
    #[error("the {what} has format {format}, this version reads up to {FORMAT}: update this host")]
    TooNew {
        /// What should have been read.
        what: &'static str,
        /// The format that it has.
        format: u64,
    },
    /// It holds something else.
    #[error("the record holds no {what}")]
    Absent {
        /// What should have been read.
        what: &'static str,
    },
    /// It is no JSON, or has not the fields that it must have.
    #[error("the {what} is malformed: {source}")]
    Malformed {
        /// What should have been read or written.
        what: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Envelope {
    format: u64,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// The bytes of a record.
pub fn encode<T: Record>(value: &T) -> Result<Vec<u8>, Error> {
    let malformed = |source| Error::Malformed {
        what: T::FIELD,
        source,
    };
    let format = value.format();
    let value = serde_json::to_string(value).map_err(malformed)?;
    Ok(format!(r#"{{"format":{format},"{}":{value}}}"#, T::FIELD).into_bytes())
}

/// Reads a record.
pub fn decode<T: Record>(bytes: &[u8]) -> Result<T, Error> {
    let what = T::FIELD;
    let malformed = |source| Error::Malformed { what, source };
    let mut envelope: Envelope = serde_json::from_slice(bytes).map_err(malformed)?;
    if envelope.format > FORMAT {
        return Err(Error::TooNew {
            what,
            format: envelope.format,
        });
    }
    let value = envelope.fields.remove(what).ok_or(Error::Absent { what })?;
    serde_json::from_value(value).map_err(malformed)
}

#[cfg(test)]
#[path = "record_test.rs"]
mod tests;
