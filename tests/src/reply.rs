//! What a plain NATS client gets back, read without any code of ours.

use async_nats::HeaderMap;
use bytes::Bytes;
use serde_json::Value;

/// A reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The payload.
    pub payload: Bytes,
    headers: Option<HeaderMap>,
}

/// The headers of a reply that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `Nats-Service-Error-Code`.
    pub status: String,
    /// `Nats-Service-Error`.
    pub message: String,
    /// `Lattice-Error`.
    pub code: String,
    /// `Lattice-Executed`.
    pub executed: String,
}

impl Reply {
    pub(crate) fn new(message: async_nats::Message) -> Self {
        Self {
            payload: message.payload,
            headers: message.headers,
        }
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.get(name).map(|value| value.as_str())
    }

    /// The result as text.
    ///
    /// # Panics
    /// If it is an error.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.value()).expect("the reply is text")
    }

    /// The result as JSON.
    ///
    /// # Panics
    /// If it is an error or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.value()).unwrap_or_else(|e| panic!("{e}: {:?}", self.payload))
    }

    /// The result as MessagePack, seen as JSON.
    ///
    /// # Panics
    /// If it is an error or no MessagePack.
    pub fn msgpack(&self) -> Value {
        rmp_serde::from_slice(self.value()).unwrap_or_else(|e| panic!("{e}: {:?}", self.payload))
    }

    /// The error.
    ///
    /// # Panics
    /// If it is none, or one of the four headers is missing.
    pub fn failure(&self) -> Failure {
        let header = |name| {
            self.header(name)
                .unwrap_or_else(|| panic!("no {name}: {self:?}"))
                .to_owned()
        };
        Failure {
            status: header("Nats-Service-Error-Code"),
            message: header("Nats-Service-Error"),
            code: header("Lattice-Error"),
            executed: header("Lattice-Executed"),
        }
    }

    /// Whether it is an error.
    pub fn failed(&self) -> bool {
        self.header("Lattice-Error").is_some() || self.header("Nats-Service-Error-Code").is_some()
    }

    fn value(&self) -> &[u8] {
        assert!(
            !self.failed(),
            "an error and no result: {:?}",
            self.failure()
        );
        &self.payload
    }
}

impl Failure {
    /// Whether it has this code with the number that goes with it.
    pub fn is(&self, code: &str, status: u16) -> bool {
        self.code == code && self.status == status.to_string()
    }
}
