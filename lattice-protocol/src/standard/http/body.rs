//! Bodies: inline, or as a stream; and the trailers that a stream ends with.

use std::fmt;

use bytes::Bytes;
use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::FieldValue;
use crate::frame::STREAM_EXT;
use crate::standard::octets;

/// How serde spells an extension to `rmp-serde`.
const EXT_STRUCT: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it; it has no trailers.
    Whole(Bytes),
    /// The number of the call's, or the reply's, stream that it comes by.
    Stream(u32),
}

/// Trailers as the tail of a stream: an array of `[name, value]`; empty for none.
pub fn write_trailers(
    trailers: &[(String, FieldValue)],
) -> Result<Bytes, rmp_serde::encode::Error> {
    match trailers.is_empty() {
        true => Ok(Bytes::new()),
        false => rmp_serde::to_vec(trailers).map(Bytes::from),
    }
}

/// The trailers in the tail of a stream.
pub fn read_trailers(tail: &[u8]) -> Result<Vec<(String, FieldValue)>, rmp_serde::decode::Error> {
    match tail.is_empty() {
        true => Ok(Vec::new()),
        false => rmp_serde::from_slice(tail),
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(bytes) => octets::serialize(bytes, serializer),
            Self::Stream(_) if serializer.is_human_readable() => {
                Err(S::Error::custom("a streamed body has no place in JSON"))
            }
            Self::Stream(number) => {
                let ext = (STREAM_EXT, Raw(&number.to_be_bytes()));
                serializer.serialize_newtype_struct(EXT_STRUCT, &ext)
            }
        }
    }
}

/// Bytes as bytes, not as an array.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = octets::Octets::of(&deserializer);
        deserializer.deserialize_any(BodyVisitor { whole })
    }
}

/// Takes what [`octets`] takes, and an extension.
struct BodyVisitor {
    whole: octets::Octets,
}

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.expecting(f)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Body, E> {
        self.whole.visit_bytes(bytes).map(Body::Whole)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Body, E> {
        self.whole.visit_byte_buf(bytes).map(Body::Whole)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Body, E> {
        self.whole.visit_str(text).map(Body::Whole)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Body, A::Error> {
        self.whole.visit_seq(seq).map(Body::Whole)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, ext: D) -> Result<Body, D::Error> {
        ext.deserialize_any(ExtVisitor).map(Body::Stream)
    }
}

/// Takes an extension apart: its type, then its bytes.
struct ExtVisitor;

impl<'de> Visitor<'de> for ExtVisitor {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream: extension 1 with four bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<u32, A::Error> {
        let kind: Option<i8> = seq.next_element()?;
        let number: Option<Number> = seq.next_element()?;
        match (kind, number) {
            (Some(STREAM_EXT), Some(Number(Some(number)))) => Ok(number),
            _ => Err(A::Error::custom(
                "expected a stream: extension 1 with four bytes",
            )),
        }
    }
}

/// Four bytes as a number; none if there are not four.
struct Number(Option<u32>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = octets::deserialize(deserializer)?;
        let four = <[u8; 4]>::try_from(bytes.as_ref()).ok();
        Ok(Self(four.map(u32::from_be_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(body: &Body) -> Vec<u8> {
        rmp_serde::to_vec(body).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Body, String> {
        rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_stream_is_extension_1_with_its_number_and_anything_else_is_whole() {
        assert_eq!(packed(&Body::Stream(1)), [0xd6, 1, 0, 0, 0, 1]);
        assert_eq!(packed(&Body::Whole("hi".into())), [0xc4, 2, b'h', b'i']);
        for body in [
            Body::Stream(u32::MAX),
            Body::default(),
            Body::Whole("x".into()),
        ] {
            assert_eq!(read(&packed(&body)).unwrap(), body);
        }
        assert_eq!(read(&[0x92, 1, 2]).unwrap(), Body::Whole(vec![1, 2].into()));
    }

    #[test]
    fn an_extension_that_is_no_stream_is_refused() {
        for bytes in [
            &[0xd6, 2, 0, 0, 0, 1][..],
            &[0xd4, 1, 1],
            &[0xd7, 1, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0xc7, 0, 1],
            &[0xd6, 1, 0],
            &[0xc0],
            &[0xa1, b'x'],
        ] {
            assert!(read(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn in_json_a_body_is_base64_and_a_stream_is_an_error() {
        let text = serde_json::to_string(&Body::Whole("hi".into())).unwrap();
        assert_eq!(text, "\"aGk=\"");
        assert_eq!(
            serde_json::from_str::<Body>(&text).unwrap(),
            Body::Whole("hi".into())
        );
        assert!(serde_json::to_string(&Body::Stream(1)).is_err());
    }

    #[test]
    fn trailers_are_the_tail_and_none_are_empty() {
        assert!(write_trailers(&[]).unwrap().is_empty());
        assert!(read_trailers(b"").unwrap().is_empty());
        let trailers = vec![("a".to_owned(), "b".into())];
        let tail = write_trailers(&trailers).unwrap();
        assert_eq!(&tail[..], [0x91, 0x92, 0xa1, b'a', 0xa1, b'b']);
        assert_eq!(read_trailers(&tail).unwrap(), trailers);
        assert!(read_trailers(b"\xc1").is_err());
    }
}
