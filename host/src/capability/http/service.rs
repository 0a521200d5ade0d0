//! `wasi:http/handler@0.3`: a request in an instance that serves others beside it, or none.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
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
#[derive(Clone)]
pub struct Service(pub(super) Arc<ServiceIndices>);

impl Service {
    /// Puts the request into one of these instances, and answers with its response: whole if it is
    /// there at once and short, else with its body as a stream. What is left of it goes on in `Rest`.
    pub(crate) async fn handle(
        &self,
        instances: &Shared,
        errand: Errand,
        asked: Asked,
    ) -> Result<Answer, Fault> {
        let taken = asked.taken();
        let request = request::read(asked.request, &asked.streams, asked.room)?;
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
        let answered = async move {
            match answered.await {
                Ok(head) => head,
                // The instance ended, and the call itself tells why.
                Err(_) => std::future::pending().await,
            }
        };
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
        let response = accessor.with(|mut access| {
            let response = access.get().http().table.delete(response)?;
            let heard = async { heard.await.unwrap_or(Err(Error::ConnectionTerminated)) };
            response.into_http(&mut access, heard)
        })?;
        let (ended, end) = oneshot::channel();
        let (confirm, confirmed) = oneshot::channel();
        let response = response.map(|body| {
            let state = State::Open(ended, confirmed);
            Confirmed { body, state }.boxed_unsync()
        });
        let _ = self.head.send(Ok(response));
        if end.await.is_ok() {
            let _ = confirm.send(());
            // The guest hears that its response was taken whole; else, that it was not.
            let _ = told.send(Ok(()));
        }
        Ok(())
    }
}

/// The body of a response. An instance that goes takes the writing end of the body with it, which looks
/// like the end: so the end counts when the instance confirms it, and without that never comes. Whoever
/// reads it hears from the call itself what happened.
struct Confirmed {
    body: WasiBody,
    state: State,
}

enum State {
    /// It goes on; the instance is to be told of its end, and confirms it.
    Open(oneshot::Sender<()>, oneshot::Receiver<()>),
    Ending(oneshot::Receiver<()>),
    Ended,
    Lost,
}

impl Body for Confirmed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let State::Open(..) = this.state {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(None) => this.state.end(),
                frame => return frame,
            }
        }
        this.state.poll_end(cx).map(|()| None)
    }
}

impl State {
    /// Tells the instance that all of the body was read.
    fn end(&mut self) {
        if let Self::Open(ended, confirmed) = std::mem::replace(self, Self::Lost) {
            *self = match ended.send(()) {
                Ok(()) => Self::Ending(confirmed),
                Err(()) => Self::Lost,
            };
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Ending(confirmed) = self {
            *self = match ready!(Pin::new(confirmed).poll(cx)) {
                Ok(()) => Self::Ended,
                Err(_) => Self::Lost,
            };
        }
        match self {
            Self::Ended => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}
