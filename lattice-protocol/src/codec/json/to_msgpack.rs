//! JSON in, MessagePack out.

use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::super::{DEPTH_MAX, Error, Writer};
use super::{duplicate, first_duplicate, too_deep};

/// Appends the JSON document to `out` as MessagePack. Strings stay strings: whether one is text,
/// base64 or a number is for the reader's type to say.
pub fn to_msgpack(json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut writer = Writer::from(std::mem::take(out));
    let mut parser = serde_json::Deserializer::from_slice(json);
    let value = Value {
        writer: &mut writer,
        depth: 0,
    };
    let done = value.deserialize(&mut parser).and_then(|()| parser.end());
    *out = writer.into_bytes();
    done.map_err(|error| Error::new(format!("not valid JSON: {error}")))
}

struct Value<'w> {
    writer: &'w mut Writer,
    depth: usize,
}

impl Value<'_> {
    fn inner<E: serde::de::Error>(&mut self) -> Result<Value<'_>, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(too_deep()));
        }
        Ok(Value {
            writer: &mut *self.writer,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.writer.nil();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.writer.bool(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.writer.unsigned(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.writer.signed(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.writer.f64(value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.writer.str(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let mark = self.writer.open();
        let mut len = 0;
        while elements.next_element_seed(self.inner()?)?.is_some() {
            len += 1;
        }
        self.writer.close_array(mark, len);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let mark = self.writer.open();
        let mut keys = Vec::new();
        while let Some(key) = entries.next_key_seed(Key(&mut *self.writer))? {
            keys.push(key);
            entries.next_value_seed(self.inner()?)?;
        }
        refuse_duplicates(self.writer.as_bytes(), &keys).map_err(A::Error::custom)?;
        let len = u32::try_from(keys.len()).map_err(A::Error::custom)?;
        self.writer.close_map(mark, len);
        Ok(())
    }
}

/// Writes a key and answers where it stands.
struct Key<'w>(&'w mut Writer);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Range<usize>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Range<usize>, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Range<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string as a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Range<usize>, E> {
        self.0.str(key);
        let end = self.0.as_bytes().len();
        Ok(end - key.len()..end)
    }
}

fn refuse_duplicates(written: &[u8], keys: &[Range<usize>]) -> Result<(), Error> {
    let mut keys: Vec<&[u8]> = keys.iter().map(|key| &written[key.clone()]).collect();
    match first_duplicate(&mut keys) {
        Some(key) => Err(duplicate(key)),
        None => Ok(()),
    }
}
