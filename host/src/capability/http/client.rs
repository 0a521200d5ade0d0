//! `wasi:http/client@0.3`: requests that leave an actor of which several calls may be in one instance.

use wasmtime::AsContextMut as _;
use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::client::{self, HostWithStore};
use wasmtime_wasi_http::p3::bindings::http::types::{ErrorCode, Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView as _};

use crate::capability::Guest;

/// Wasmtime's own, with the way out of the call that sends.
struct Client;

impl HasData for Client {
    type Data<'a> = WasiHttpCtxView<'a>;
}

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    client::add_to_linker::<_, Client>(linker, Guest::http)
}

impl HostWithStore<Guest> for Client {
    async fn send(
        store: &Accessor<Guest, Self>,
        request: Resource<Request>,
    ) -> Result<Resource<Response>, TrappableError<ErrorCode>> {
        // Nothing comes between this and the sending: there is no wait before it.
        store.with(|mut access| {
            let caller = Guest::caller(access.as_context_mut());
            access.data_mut().send_by(caller.way().clone());
        });
        let store = store.with_getter::<WasiHttp>(Guest::http);
        WasiHttp::send(&store, request).await
    }
}
