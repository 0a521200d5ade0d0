//! `wasi:http/incoming-handler@0.2`: a request in an instance of its own.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyIndices;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::exchange::{self, Answer, Asked};
use super::{Fault, request};
use crate::actor::instance::Instance;

type Outgoing = ::http::Response<HyperOutgoingBody>;

/// The way into a component whose handler sets a response.
#[derive(Clone)]
pub struct Incoming(pub(super) Arc<ProxyIndices>);

impl Incoming {
    /// Hands the request to the instance, and answers with its response: whole if it is there at once
    /// and short, else with its body as a stream. What is left of it goes on in `Rest`.
    ///
    /// The instance comes back if it is fit for another call: the guest has returned, and its
    /// response is whole. Else its store goes with it: nothing of it can still write, and a body
    /// that was left unfinished ends.
    pub async fn handle(&self, instance: Instance, asked: Asked) -> Result<Answer, Fault> {
        let taken = asked.taken();
        let (sender, head) = oneshot::channel();
        let indices = self.0.clone();
        let running = run(indices, instance, asked, sender);
        let head = async move {
            match head.await {
                Ok(answer) => answer.map_err(|code| Fault::ErrorCode(format!("{code:?}"))),
                Err(_) => Err(Fault::NoResponse),
            }
        };
        exchange::begin(Box::pin(running), head, taken).await
    }
}

async fn run(
    indices: Arc<ProxyIndices>,
    mut instance: Instance,
    asked: Asked,
    sender: oneshot::Sender<Result<Outgoing, ErrorCode>>,
) -> Result<Option<Instance>, Fault> {
    let store = &mut instance.store;
    let scheme = request::scheme(&asked.request.scheme);
    let request = request::read(asked.request, &asked.streams, asked.room)?;
    let mut http = store.data_mut().http();
    let request = http
        .new_incoming_request(scheme, request)
        .map_err(|error| Fault::BadRequest(error.to_string()))?;
    let out = http.new_response_outparam(sender).map_err(Fault::Trap)?;
    let proxy = indices
        .load(&mut *store, &instance.component)
        .map_err(Fault::Trap)?;
    let handler = proxy.wasi_http_incoming_handler();
    let returned = handler.call_handle(store, request, out).await;
    returned.map_err(Fault::Trap)?;
    Ok(Some(instance))
}
