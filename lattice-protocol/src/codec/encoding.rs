//! Which encoding a payload is in.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Reader, json};

/// The encoding of a payload; a reply uses its request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// For people, `nats req` and every language's standard library.
    Json,
    /// For programs: bytes are bytes, and nothing is parsed twice.
    MessagePack,
}

/// What an empty payload stands for.
const NO_ARGUMENTS: &[u8] = b"[]";

fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| Error::new(error.to_string()))
}

impl Encoding {
    /// The encoding of a payload of arguments. A `Content-Type` decides; without one the first byte
    /// does, since a MessagePack array or map never begins like JSON. Empty means no arguments.
    pub fn sniff(payload: &[u8], content_type: Option<&str>) -> Result<Self, Error> {
        match content_type {
            Some(named) => Self::from_content_type(named),
            None => Self::from_first_byte(payload),
        }
    }

    /// What to write into `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        }
    }

    /// A payload of this encoding as MessagePack.
    pub fn decode(self, payload: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Self::MessagePack => Ok(Cow::Borrowed(payload)),
            Self::Json if payload.is_empty() => Ok(Cow::Borrowed(payload)),
            Self::Json => {
                let mut out = Vec::with_capacity(payload.len());
                json::to_msgpack(payload, &mut out)?;
                Ok(Cow::Owned(out))
            }
        }
    }

    /// A MessagePack value in this encoding.
    pub fn encode(self, value: Vec<u8>) -> Result<Vec<u8>, Error> {
        match self {
            Self::MessagePack => Ok(value),
            Self::Json => {
                let mut out = Vec::with_capacity(value.len() + value.len() / 2);
                json::from_msgpack(&value, &mut out)?;
                Ok(out)
            }
        }
    }

    /// A payload as a value that knows its own shape: arguments by position or by name, or a result.
    pub fn read<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, Error> {
        match self {
            _ if payload.is_empty() => from_json(NO_ARGUMENTS),
            Self::Json => from_json(payload),
            Self::MessagePack => {
                // The library stops at the end of the value and never looks further.
                let mut reader = Reader::new(payload, self);
                reader.value()?;
                reader.finish()?;
                rmp_serde::from_slice(payload).map_err(|error| Error::new(error.to_string()))
            }
        }
    }

    /// A value that knows its own shape, as a payload.
    pub fn write<T: Serialize>(self, value: &T) -> Result<Vec<u8>, Error> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|e| Error::new(e.to_string())),
            Self::MessagePack => {
                rmp_serde::to_vec_named(value).map_err(|e| Error::new(e.to_string()))
            }
        }
    }

    fn from_content_type(named: &str) -> Result<Self, Error> {
        let essence = named.split(';').next().unwrap_or_default().trim();
        let is = |kinds: &[&str]| kinds.iter().any(|kind| essence.eq_ignore_ascii_case(kind));
        if is(&["application/json"]) {
            Ok(Self::Json)
        } else if is(&[
            "application/msgpack",
            "application/x-msgpack",
            "application/vnd.msgpack",
        ]) {
            Ok(Self::MessagePack)
        } else {
            Err(Error::new(format!(
                "content type {} is not accepted: application/json and application/msgpack are",
                super::error::quote(essence)
            )))
        }
    }

    fn from_first_byte(payload: &[u8]) -> Result<Self, Error> {
        match payload.first() {
            None | Some(b'[' | b'{' | b' ' | b'\t' | b'\r' | b'\n') => Ok(Self::Json),
            Some(0x80..=0x9f | 0xdc..=0xdf) => Ok(Self::MessagePack),
            Some(byte) => Err(Error::new(format!(
                "payload begins with byte 0x{byte:02x}: accepted are a JSON array or object, or a \
                 MessagePack array or map, of arguments"
            ))),
        }
    }
}
