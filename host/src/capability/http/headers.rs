//! Header fields as they travel, and as HTTP's own types.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use lattice_protocol::standard::http::{FieldValue, HEADERS_BYTES_MAX, HEADERS_MAX};

/// Reads fields; an error says what is wrong with them.
pub(super) fn read(fields: Vec<(String, FieldValue)>) -> Result<HeaderMap, String> {
    if fields.len() > HEADERS_MAX {
        return Err(format!("more than {HEADERS_MAX} headers"));
    }
    let bytes: usize = fields.iter().map(|(n, v)| n.len() + v.0.len()).sum();
    if bytes > HEADERS_BYTES_MAX {
        return Err(format!("headers of more than {HEADERS_BYTES_MAX} bytes"));
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
