//! MessagePack in, JSON out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::super::{DEPTH_MAX, Encoding, Error, Reader};
use super::{duplicate, first_duplicate, too_deep};
use crate::codec::reader::Scalar;

/// Appends the one MessagePack value in `msgpack` to `out` as JSON.
pub fn from_msgpack(msgpack: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut reader = Reader::new(msgpack, Encoding::MessagePack);
    value(&mut reader, out, 0)?;
    reader.finish()
}

fn value(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    if reader.is_array() || reader.is_map() {
        if depth == DEPTH_MAX {
            return Err(too_deep());
        }
        return match reader.is_array() {
            true => array(reader, out, depth),
            false => object(reader, out, depth),
        };
    }
    match reader.scalar()? {
        Scalar::Nil => out.extend_from_slice(b"null"),
        Scalar::Bool(value) => return write(out, &value),
        Scalar::Unsigned(value) => return write(out, &value),
        Scalar::Signed(value) => return write(out, &value),
        Scalar::Single(value) if value.is_finite() => return write(out, &value),
        Scalar::Single(value) => return write(out, non_finite(value.into())),
        Scalar::Double(value) if value.is_finite() => return write(out, &value),
        Scalar::Double(value) => return write(out, non_finite(value)),
        Scalar::Text(value) => return write(out, value),
        Scalar::Bytes(value) => return base64(out, value),
    }
    Ok(())
}

fn array(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let len = reader.array("array")?;
    out.push(b'[');
    for index in 0..len {
        if index > 0 {
            out.push(b',');
        }
        value(reader, out, depth + 1).map_err(|error| error.in_item(index))?;
    }
    out.push(b']');
    Ok(())
}

fn object(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let len = reader.map("map")?;
    let mut keys: Vec<&[u8]> = Vec::new();
    out.push(b'{');
    for index in 0..len {
        if index > 0 {
            out.push(b',');
        }
        if !reader.is_str() {
            return Err(reader.mismatch("a string as a key"));
        }
        let key = reader.str()?;
        keys.push(key.as_bytes());
        write(out, key)?;
        out.push(b':');
        value(reader, out, depth + 1).map_err(|error| error.in_field(key))?;
    }
    out.push(b'}');
    match first_duplicate(&mut keys) {
        Some(key) => Err(duplicate(key)),
        None => Ok(()),
    }
}

/// JSON has no words for these.
fn non_finite(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    serde_json::to_writer(out, value).map_err(|error| Error::new(error.to_string()))
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    let too_long = || Error::new("bytes are too long for base64");
    let len = base64::encoded_len(bytes.len(), true).ok_or_else(too_long)?;
    out.push(b'"');
    let start = out.len();
    out.resize(start + len, 0);
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .map_err(|_| too_long())?;
    out.push(b'"');
    Ok(())
}
