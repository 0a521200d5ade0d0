//! Header fields as they travel, and as HTTP's own types.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use lattice_config::Limits;
use lattice_protocol::standard::http::{FieldValue, HEADERS_BYTES_MAX, HEADERS_MAX};

/// How many fields an actor is given at once, and how many bytes they may have together.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    fields: usize,
    bytes: usize,
}

impl Room {
    /// As many as travel.
    pub(super) const MOST: Self = Self {
        fields: HEADERS_MAX,
        bytes: HEADERS_BYTES_MAX,
    };

    /// As many as an actor's limits say.
    pub fn of(limits: &Limits) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            fields: count(limits.headers).min(HEADERS_MAX),
            bytes: count(limits.header_bytes).min(HEADERS_BYTES_MAX),
        }
    }
}

/// Reads fields; an error says what is wrong with them.
pub(super) fn read(fields: Vec<(String, FieldValue)>, room: Room) -> Result<HeaderMap, String> {
    if fields.len() > room.fields {
        let (count, most) = (fields.len(), room.fields);
        return Err(format!("{count} headers, and `headers` is {most}"));
    }
    let bytes: usize = fields.iter().map(|(n, v)| n.len() + v.0.len()).sum();
    if bytes > room.bytes {
        let most = room.bytes;
        return Err(format!(
            "headers of {bytes} bytes, and `header_bytes` is {most}"
        ));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (name, FieldValue(value)) in fields {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| "a header's name is not one".to_owned())?;
        let value = HeaderValue::from_maybe_shared(value)
            .map_err(|_| format!("header {name} has a value it can't have"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Writes fields in their order.
pub(super) fn write(headers: &HeaderMap) -> Vec<(String, FieldValue)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = FieldValue(Bytes::copy_from_slice(value.as_bytes()));
            (name.to_string(), value)
        })
        .collect()
}
