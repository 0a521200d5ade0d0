//! `wasi:http@0.2`: a call's payload becomes a request resource, and the response that the guest sets
//! becomes the call's result.
//!
//! - `request`, `headers`: from the payload to what wasmtime takes;
//! - `body`: streams of the lattice as bodies, and back;
//! - `outgoing`: requests that leave an actor;
//! - `exchange`: one request in an instance, until its response is whole or sent on.

mod body;
mod exchange;
mod headers;
mod outgoing;
mod request;

use std::sync::Arc;

use lattice_protocol::standard::http::{HEADERS_BYTES_MAX, OUTGOING};
use wasmtime::component::{InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, ProxyIndices};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpView as _};

use super::Guest;
use crate::actor::instance::Instance;
pub use exchange::{Answer, Asked, Cut, Rest};
pub(super) use outgoing::Hooks;

/// The interface of requests and responses, which is given to every actor.
pub(super) const TYPES: &str = "wasi:http/types";
/// Wasmtime counts what header fields take in memory: more than they have on the wire.
const FIELDS_BYTES_MAX: usize = 2 * HEADERS_BYTES_MAX;

/// How a request ends when it doesn't end in a response.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The request is none that HTTP knows: the caller's fault.
    #[error("{0}")]
    BadRequest(String),
    /// The guest answered with an error instead of a response.
    #[error("the actor answered with the error {0}")]
    ErrorCode(String),
    /// The guest returned and set nothing.
    #[error("the actor returned without setting a response")]
    NoResponse,
    /// The response's body is over the limit.
    #[error("the response's body has more than the {0} bytes that payload_bytes allows")]
    TooLarge(usize),
    /// The body ended with an error instead of its end.
    #[error("the response's body broke off: {0}")]
    Body(String),
    /// The guest trapped, before or after it set a response.
    #[error("{0:#}")]
    Trap(wasmtime::Error),
}

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Guest::http)?;
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, Guest::http)
}

/// Whether this answers an import that needs a link.
pub(super) fn answers(import: &str) -> bool {
    import.starts_with(OUTGOING) && import.contains("@0.2.")
}

pub(super) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_BYTES_MAX);
    context
}

/// The way into a component that serves HTTP.
pub struct Handler(Arc<ProxyIndices>);

impl Handler {
    /// Finds the handler among the component's exports.
    pub fn new(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        ProxyIndices::new(pre).map(Arc::new).map(Self)
    }

    /// Hands the request to the instance, and answers with its response: whole if it is there at once
    /// and short, else with its body as a stream. What is left of it goes on in [`Rest`].
    ///
    /// The instance comes back if it is fit for another call: the guest has returned, and its
    /// response is whole. Else its store goes with it: nothing of it can still write, and a body
    /// that was left unfinished ends.
    pub async fn handle(&self, instance: Instance, asked: Asked) -> Result<Answer, Fault> {
        exchange::begin(self.0.clone(), instance, asked).await
    }
}
