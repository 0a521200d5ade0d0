//! `wasi:http/handler@0.3`: a request in an instance that serves others beside it, or none.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, GuestTaskId, Instance, Resource, TypedFuncCallConcurrent};
use wasmtime::{AsContextMut as _, StoreContextMut};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::bindings::{Service as Bindings, ServiceIndices};
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView as _};

use super::exchange::{self, Answer, Asked, Head};
use super::{Fault, request};
use crate::actor::instance::{self, Shared, Work};
use crate::capability::{Errand, Guest};

type Called =
    TypedFuncCallConcurrent<Guest, (Resource<Request>,), (Result<Resource<Response>, ErrorCode>,)>;

/// The way into a component whose handler is an async function.
pub struct Service(pub(super) Arc<ServiceIndices>);

impl Service {
    /// Puts the request into one of these instances, and answers with its response: whole if it is
    /// there at once and short, else with its body as a stream. What is left of it goes on in `Rest`.
    pub async fn handle(
        &self,
        instances: &Shared,
        errand: Errand,
        asked: Asked,
    ) -> Result<Answer, Fault> {
        let taken = asked.taken();
        let request = request::read(asked.request, &asked.streams)?;
        let (head, answered) = oneshot::channel();
        let visit = Visit {
            indices: self.0.clone(),
            request,
            head,
        };
        let ticket = instances.begin(instance::Call {
            work: Work::Request(Box::new(visit)),
            errand,
        });
        let running = async move {
            ticket.answer().await.map_err(Fault::Ended)?;
            Ok(None)
        };
        let answered = async move { answered.await.unwrap_or(Err(Fault::NoResponse)) };
        exchange::begin(Box::pin(running), answered, taken).await
    }
}

/// A request that waits for an instance.
pub struct Visit {
    indices: Arc<ServiceIndices>,
    request: ::http::Request<WasiBody>,
    head: oneshot::Sender<Head>,
}

/// A request that is in an instance.
pub struct Visiting {
    bindings: Bindings,
    called: Called,
    head: oneshot::Sender<Head>,
}

impl Visit {
    /// Calls the guest's handler.
    pub fn start(
        self,
        mut store: StoreContextMut<'_, Guest>,
        component: &Instance,
    ) -> wasmtime::Result<Visiting> {
        let bindings = self.indices.load(&mut store, component)?;
        let http = store.data_mut().http();
        // Whether a request came whole is heard by whoever reads its body, and by nobody else.
        let (request, _) = Request::from_http(http.hooks, self.request);
        let request = http.table.push(request)?;
        let handle = bindings.wasi_http_handler().func_handle();
        let called = handle.start_call_concurrent(store.as_context_mut(), (request,))?;
        Ok(Visiting {
            bindings,
            called,
            head: self.head,
        })
    }
}

impl Visiting {
    /// Which of the instance's tasks it is.
    pub fn task(&self) -> GuestTaskId {
        self.called.task()
    }

    /// Waits for the response, and until nobody reads its body any more: the guest writes it in here.
    pub async fn finish(self, accessor: &Accessor<Guest>) -> wasmtime::Result<()> {
        let handle = self.bindings.wasi_http_handler().func_handle();
        let (answer,) = handle.finish_call_concurrent(accessor, self.called).await?;
        let response = match answer {
            Ok(response) => response,
            Err(code) => {
                // Whoever asked may be gone.
                let _ = self.head.send(Err(Fault::ErrorCode(format!("{code:?}"))));
                return Ok(());
            }
        };
        let (told, heard) = oneshot::channel();
        let (held, over) = oneshot::channel();
        let response = accessor.with(|mut access| {
            let response = access.get().http().table.delete(response)?;
            let heard = async { heard.await.unwrap_or(Err(Error::ConnectionTerminated)) };
            response.into_http(&mut access, heard)
        })?;
        let response = response.map(|body| {
            let watched = Watched {
                body,
                told: Some(told),
                _held: held,
            };
            watched.boxed_unsync()
        });
        let _ = self.head.send(Ok(response));
        // Ends with the body, however that ends.
        let _ = over.await;
        Ok(())
    }
}

/// The body of a response; tells the guest whether all of it was read.
struct Watched {
    body: WasiBody,
    told: Option<oneshot::Sender<Result<(), Error>>>,
    /// Its other end sees when this is gone.
    _held: oneshot::Sender<()>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None))
            && let Some(told) = self.told.take()
        {
            let _ = told.send(Ok(()));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
