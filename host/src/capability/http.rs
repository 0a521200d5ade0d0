//! `wasi:http/incoming-handler@0.2`: a call's payload becomes a request resource, and the response
//! that the guest sets becomes the call's result.

use std::pin::pin;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use lattice_protocol::standard::http::{
    FieldValue, HEADERS_BYTES_MAX, HEADERS_MAX, Request, Response,
};
use tokio::sync::oneshot;
use wasmtime::component::{InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode, Scheme};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, ProxyIndices};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpHooks, WasiHttpView as _,
};

use super::Guest;
use crate::actor::instance::Instance;

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

/// Nothing leaves an actor but through a link.
pub(super) struct Hooks;

type Outgoing = ::http::Response<HyperOutgoingBody>;

type Sent = wasmtime_wasi_http::Result<(
    ::http::Response<WasiBody>,
    Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
)>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _request: ::http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Guest::http)
}

pub(super) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_BYTES_MAX);
    context
}

/// The way into a component that serves HTTP.
pub struct Handler(ProxyIndices);

impl Handler {
    /// Finds the handler among the component's exports.
    pub fn new(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        ProxyIndices::new(pre).map(Self)
    }

    /// Hands the request to the instance, and gathers its response.
    ///
    /// The instance comes back if it is fit for another call: the guest has returned, and its
    /// response is whole. Else its store goes with it: nothing of it can still write, and a body
    /// that was left unfinished ends.
    pub async fn handle(
        &self,
        mut instance: Instance,
        request: Request,
        body_bytes_max: usize,
    ) -> Result<(Response, Option<Instance>), Fault> {
        let (sender, receiver) = oneshot::channel();
        let mut response = pin!(response(receiver, body_bytes_max).fuse());
        let mut early = None;
        {
            let mut guest = pin!(self.run(&mut instance, request, sender));
            loop {
                // A guest that traps after it set a response did not answer: its word on that
                // comes first.
                tokio::select! { biased;
                    returned = &mut guest => break returned?,
                    ended = &mut response => early = Some(ended?),
                }
            }
        }
        if let Some(response) = early.or(response.as_mut().now_or_never().transpose()?) {
            return Ok((response, Some(instance)));
        }
        drop(instance);
        Ok((response.await?, None))
    }

    async fn run(
        &self,
        instance: &mut Instance,
        request: Request,
        sender: oneshot::Sender<Result<Outgoing, ErrorCode>>,
    ) -> Result<(), Fault> {
        let store = &mut instance.store;
        let scheme = scheme(&request.scheme);
        let request = hyper_request(request)?;
        let mut http = store.data_mut().http();
        let request = http
            .new_incoming_request(scheme, request)
            .map_err(|error| Fault::BadRequest(error.to_string()))?;
        let out = http.new_response_outparam(sender).map_err(Fault::Trap)?;
        let proxy = self
            .0
            .load(&mut *store, &instance.component)
            .map_err(Fault::Trap)?;
        let handler = proxy.wasi_http_incoming_handler();
        handler
            .call_handle(store, request, out)
            .await
            .map_err(Fault::Trap)
    }
}

/// What the guest sets, as far as it is there.
async fn response(
    receiver: oneshot::Receiver<Result<Outgoing, ErrorCode>>,
    body_bytes_max: usize,
) -> Result<Response, Fault> {
    match receiver.await {
        Ok(Ok(response)) => gather(response, body_bytes_max).await,
        Ok(Err(code)) => Err(refusal(&code)),
        Err(_) => Err(Fault::NoResponse),
    }
}

fn refusal(code: &ErrorCode) -> Fault {
    Fault::ErrorCode(format!("{code:?}"))
}

fn scheme(text: &str) -> Scheme {
    match text {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    }
}

fn hyper_request(request: Request) -> Result<::http::Request<WasiBody>, Fault> {
    if request.headers.len() > HEADERS_MAX {
        return Err(Fault::BadRequest(format!(
            "more than {HEADERS_MAX} headers"
        )));
    }
    let authority = match request.authority.as_str() {
        "" => "localhost",
        authority => authority,
    };
    let uri = ::http::Uri::builder()
        .scheme(request.scheme.as_str())
        .authority(authority)
        .path_and_query(request.path.as_str())
        .build()
        .map_err(|error| Fault::BadRequest(format!("scheme, authority or path: {error}")))?;
    let body = Full::new(request.body)
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut built = ::http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .body(body)
        .map_err(|error| Fault::BadRequest(format!("method: {error}")))?;
    for (name, FieldValue(value)) in request.headers {
        let name = ::http::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Fault::BadRequest("a header's name is not one".into()))?;
        let value = ::http::HeaderValue::from_maybe_shared(value)
            .map_err(|_| Fault::BadRequest(format!("header {name} has a value it can't have")))?;
        built.headers_mut().append(name, value);
    }
    Ok(built)
}

async fn gather(response: Outgoing, body_bytes_max: usize) -> Result<Response, Fault> {
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, body_bytes_max).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Fault::TooLarge(body_bytes_max));
        }
        Err(error) => return Err(Fault::Body(error.to_string())),
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                FieldValue(Bytes::copy_from_slice(value.as_bytes())),
            )
        })
        .collect();
    Ok(Response {
        status: parts.status.as_u16(),
        headers,
        body,
    })
}
