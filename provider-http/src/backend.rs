//! Whom this provider calls.

use std::future::Future;

use bytes::Bytes;
use lattice_client::{Call, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, Interface};
use lattice_protocol::standard::http;
use lattice_telemetry::Calling;
use provider_sdk::Caller;

/// Who answers calls: a lattice, or in tests a function.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Whether calls can be made now.
    fn is_connected(&self) -> bool;

    /// Makes a call, and tells `calling` which way it goes; dropping the future cancels it.
    fn call(
        &self,
        call: Call,
        calling: &mut Calling<'_>,
    ) -> impl Future<Output = Result<Reply, CallError>> + Send;
}

impl Backend for Caller {
    fn is_connected(&self) -> bool {
        self.is_connected()
    }

    async fn call(&self, call: Call, calling: &mut Calling<'_>) -> Result<Reply, CallError> {
        self.call(call, calling).await
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
