//! One call as a provider sees it.

use std::sync::Arc;

use bytes::Bytes;
use lattice_client::Reply;
use lattice_client::stream::Streams;
use lattice_protocol::call::Context;
use lattice_protocol::codec::Encoding;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::Endpoint;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Link;

/// A call to one of the provider's endpoints.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is called, in full form.
    pub endpoint: Endpoint,
    /// The link it came through; none when the caller is no actor.
    pub link: Option<Arc<Link>>,
    /// Deadline (what remains now), trace, origin.
    pub context: Context,
    /// The streams that the arguments refer to.
    pub streams: Streams,
    /// Whether the caller takes a reply with streams.
    pub takes_streams: bool,
    payload: Bytes,
    encoding: Encoding,
}

impl Call {
    /// A call as it came in; fails when the payload is in no encoding of the lattice.
    pub fn new(
        endpoint: Endpoint,
        link: Option<Arc<Link>>,
        context: Context,
        payload: Bytes,
    ) -> Result<Self, CallError> {
        let encoding = Encoding::sniff(&payload, context.content_type.as_deref())
            .map_err(|error| CallError::refused(ErrorCode::BadRequest, error.to_string()))?;
        Ok(Self {
            endpoint,
            link,
            context,
            streams: Streams::default(),
            takes_streams: false,
            payload,
            encoding,
        })
    }

    /// The arguments: an array by position or a map by name, read as `T`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let read = self.encoding.read(&self.payload);
        read.map_err(|reason| {
            let message = format!("the arguments don't fit {}: {reason}", self.endpoint);
            CallError::refused(ErrorCode::BadRequest, message)
        })
    }

    /// The result, in the encoding that the caller used.
    pub fn reply<T: Serialize>(&self, value: &T) -> Result<Reply, CallError> {
        let written = self.encoding.write(value);
        written
            .map(|written| Bytes::from(written).into())
            .map_err(|reason| {
                let message = format!("the result of {} can't be written: {reason}", self.endpoint);
                CallError::begun(ErrorCode::Internal, message)
            })
    }

    /// The arguments as they came.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The encoding of the arguments, and so of the reply.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(payload: &'static [u8]) -> Call {
        let endpoint = "test:kit/adder.add".parse().unwrap();
        Call::new(
            endpoint,
            None,
            Context::default(),
            Bytes::from_static(payload),
        )
        .unwrap()
    }

    #[test]
    fn a_reply_has_the_encoding_of_its_request() {
        let json = call(b"[1,2]");
        assert_eq!(json.args::<(u8, u8)>().unwrap(), (1, 2));
        assert_eq!(json.reply(&"three").unwrap().payload.as_ref(), b"\"three\"");

        let packed = call(&[0x92, 1, 2]);
        assert_eq!(packed.args::<(u8, u8)>().unwrap(), (1, 2));
        assert_eq!(packed.reply(&3u8).unwrap().payload.as_ref(), [3]);
    }

    #[test]
    fn an_empty_payload_is_no_arguments() {
        assert_eq!(call(b"").args::<[u8; 0]>().unwrap(), [0u8; 0]);
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused_by_the_name_of_the_function() {
        for payload in [
            b"[1]".as_slice(),
            b"",
            b"[1,2",
            b"{}",
            &[0x91, 1],
            &[0x92, 1],
            &[0x92, 1, 2, 3],
        ] {
            let error = call(payload).args::<(u8, u8)>().unwrap_err();
            assert_eq!(error.code, ErrorCode::BadRequest);
            assert!(
                error.message.contains("test:kit/adder.add"),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn bytes_of_no_encoding_are_refused() {
        let endpoint = "test:kit/adder.add".parse().unwrap();
        let payload = Bytes::from_static(b"hello");
        let error = Call::new(endpoint, None, Context::default(), payload).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest);
    }
}
