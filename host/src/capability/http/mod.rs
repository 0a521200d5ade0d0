//! `wasi:http@0.2` and `@0.3`: a call's payload becomes a request resource, and the response that the
//! guest sets or returns becomes the call's result.
//!
//! - `request`, `headers`: from the payload to what wasmtime takes;
//! - `body`: streams of the lattice as bodies, and back; `broken`: what is heard of one that breaks off;
//! - `outgoing`: requests that leave an actor, and `client`, by version 0.3;
//! - `incoming`: a handler of version 0.2, and `service`, of version 0.3;
//! - `exchange`: one request in an instance, until its response is whole or sent on.

mod body;
mod broken;
mod client;
mod exchange;
mod headers;
mod incoming;
mod outgoing;
mod request;
mod service;

use std::sync::Arc;

use lattice_protocol::interface::Interface;
use lattice_protocol::standard::http::{HEADERS_BYTES_MAX, OUTGOING};
use wasmtime::component::{InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, ProxyIndices};
use wasmtime_wasi_http::p3::bindings::{ServiceIndices, http::types as types_p3};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpView as _};

use super::{Guest, Waiting};
use crate::actor::instance::Ended;
pub use exchange::{Answer, Asked, Cut, Rest};
pub use headers::Room;
pub use incoming::Incoming;
pub(super) use outgoing::Hooks;
pub use service::{Service, Visit, Visiting};

/// By which requests leave an actor that was built for version 0.3. Whoever answers
/// `wasi:http/outgoing-handler` answers this.
const CLIENT: &str = "wasi:http/client";
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
    /// The call ended with the instance that it shared, or by what it called.
    #[error("the request ended with its instance")]
    Ended(Ended),
}

/// The engine of components with async functions has version 0.3 as well.
pub(super) fn define(linker: &mut Linker<Guest>, concurrent: bool) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Guest::http)?;
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, Guest::http)?;
    broken::define(linker)?;
    if concurrent {
        types_p3::add_to_linker::<_, WasiHttp>(linker, Guest::http)?;
        client::define(linker)?;
    }
    Ok(())
}

/// Whose link requests leave by, of whichever version they are.
pub(super) fn link_of_requests() -> Result<Interface, String> {
    let interface = OUTGOING.parse::<Interface>();
    interface.map_err(|error| error.to_string())
}

/// Who waits while a request by this import is on its way.
pub(super) fn waiting(import: &str) -> Waiting {
    match import.starts_with(CLIENT) {
        true => Waiting::Alone,
        false => Waiting::Together,
    }
}

pub(super) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_BYTES_MAX);
    context
}

/// The way into a component that serves HTTP.
#[derive(Clone)]
pub enum Handler {
    /// By version 0.2, in an instance of its own.
    Incoming(Incoming),
    /// By version 0.3, beside other requests if the actor wants that.
    Service(Service),
}

impl Handler {
    /// Finds the handler among the component's exports: the newer one, if there are two.
    pub fn new(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        if let Ok(indices) = ServiceIndices::new(pre) {
            return Ok(Self::Service(Service(Arc::new(indices))));
        }
        let indices = ProxyIndices::new(pre)?;
        Ok(Self::Incoming(Incoming(Arc::new(indices))))
    }
}
