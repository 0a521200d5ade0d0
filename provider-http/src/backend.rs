//! The lattice as this provider sees it: somebody to call.

use std::future::Future;

use bytes::Bytes;
use lattice_client::{Call, Client, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, Interface};
use lattice_protocol::standard::http;
use lattice_telemetry::Way;
use provider_sdk::Direct;

/// Who answers calls: a connection to a lattice, or in tests a function.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Whether calls can be made now.
    fn is_connected(&self) -> bool;

    /// Which way calls go first.
    fn way(&self) -> Way {
        Way::Queue
    }

    /// Makes a call; dropping the future cancels it.
    fn call(&self, call: Call) -> impl Future<Output = Result<Reply, CallError>> + Send;
}

/// The lattice: straight into the actors of the host in whose process this runs, else over NATS.
pub(crate) struct Lattice {
    client: Client,
    out: Option<Direct>,
}

impl Lattice {
    /// Calls go by `out` if there is such a way.
    pub(crate) fn new(client: Client, out: Option<Direct>) -> Self {
        Self { client, out }
    }
}

impl Backend for Lattice {
    fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    fn way(&self) -> Way {
        match &self.out {
            Some(_) => Way::Local,
            None => Way::Queue,
        }
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        match &self.out {
            Some(out) => out(call).await,
            None => self.client.call(call).await,
        }
    }
}

/// The function of an actor that takes HTTP requests.
pub(crate) fn handle() -> Result<Endpoint, lattice_protocol::id::Error> {
    Ok(Endpoint {
        interface: Some(http::INTERFACE.parse::<Interface>()?),
        function: http::HANDLE.parse()?,
    })
}

/// The arguments as a payload, in one piece.
pub(crate) fn payload(request: &http::Request) -> Result<Bytes, CallError> {
    // Headers and names of an ordinary request; a larger one grows the buffer once or twice.
    const HEAD_BYTES: usize = 1024;
    let body_bytes = match &request.body {
        http::Body::Whole(bytes) => bytes.len(),
        http::Body::Stream(_) => 0,
    };
    let mut payload = Vec::with_capacity(body_bytes + HEAD_BYTES);
    rmp_serde::encode::write_named(&mut payload, request).map_err(|error| {
        CallError::refused(
            ErrorCode::Internal,
            format!("failed to write the call: {error}"),
        )
    })?;
    Ok(payload.into())
}
