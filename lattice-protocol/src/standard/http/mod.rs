//! `wasi:http`: an HTTP request is an ordinary call, `wasi:http/incoming-handler.handle` on its way to
//! an actor and `wasi:http/outgoing-handler.handle` on its way out of one.
//!
//! The arguments are a [`Request`], the result is a [`Response`]. A body is whole in them, or a stream
//! beside them: see [`Body`].

mod body;
mod outgoing;

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use body::{Body, read_trailers, write_trailers};
pub use outgoing::{Answer, ErrorCode as OutgoingError, Outgoing, Patience};

/// The interface that an HTTP actor exports.
pub const INTERFACE: &str = "wasi:http/incoming-handler";
/// The interface by which an actor sends requests of its own.
pub const OUTGOING: &str = "wasi:http/outgoing-handler";
/// The one function of both.
pub const HANDLE: &str = "handle";

/// The longest body that travels in the payload: a longer one, or one that isn't all there, is a stream.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// How many header fields a request or a response may have.
pub const HEADERS_MAX: usize = 128;
/// How many bytes the names and values of all header fields may have together.
pub const HEADERS_BYTES_MAX: usize = 64 * 1024;

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// `http` or `https`.
    #[serde(default = "http")]
    pub scheme: String,
    /// The host and port that the client named.
    #[serde(default)]
    pub authority: String,
    /// Path and query, from the slash on.
    pub path: String,
    /// The fields in the order they came; a name may come more than once.
    #[serde(default)]
    pub headers: Vec<(String, FieldValue)>,
    /// The body.
    #[serde(default)]
    pub body: Body,
}

fn http() -> String {
    "http".to_owned()
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The fields in order.
    #[serde(default)]
    pub headers: Vec<(String, FieldValue)>,
    /// The body.
    #[serde(default)]
    pub body: Body,
}

/// A field's value: text almost always, so it travels as text; other bytes travel as `list<u8>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldValue(pub Bytes);

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            // An array in JSON: a base64 string would read back as text.
            Err(_) if serializer.is_human_readable() => serializer.collect_seq(self.0.iter()),
            Err(_) => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl<'de> Visitor<'de> for Value {
            type Value = FieldValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a header's value (string or list<u8>)")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<FieldValue, E> {
                Ok(text.into())
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<FieldValue, E> {
                Ok(FieldValue(Bytes::copy_from_slice(bytes)))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<FieldValue, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(FieldValue(bytes.into()))
            }
        }

        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            method: "POST".into(),
            scheme: "http".into(),
            authority: "localhost:8080".into(),
            path: "/a?b=c".into(),
            headers: vec![
                ("accept".into(), "*/*".into()),
                ("x-raw".into(), FieldValue(Bytes::from_static(&[0xff, 1]))),
            ],
            body: Bytes::from_static(&[0, 159, 146, 150]).into(),
        }
    }

    #[test]
    fn a_request_survives_both_encodings() {
        let json = serde_json::to_vec(&request()).unwrap();
        assert_eq!(serde_json::from_slice::<Request>(&json).unwrap(), request());
        let packed = rmp_serde::to_vec_named(&request()).unwrap();
        assert_eq!(
            rmp_serde::from_slice::<Request>(&packed).unwrap(),
            request()
        );
        let by_position = rmp_serde::to_vec(&request()).unwrap();
        assert_eq!(
            rmp_serde::from_slice::<Request>(&by_position).unwrap(),
            request()
        );
    }

    #[test]
    fn a_request_written_by_hand_needs_little() {
        let request: Request = serde_json::from_str(r#"{"method":"GET","path":"/"}"#).unwrap();
        assert_eq!(request.scheme, "http");
        assert_eq!(request.body, Body::default());
    }

    #[test]
    fn a_body_that_is_not_base64_says_so() {
        let error = serde_json::from_str::<Request>(r#"{"method":"GET","path":"/","body":"%"}"#)
            .unwrap_err();
        assert!(error.to_string().contains("not base64"), "{error}");
    }
}
