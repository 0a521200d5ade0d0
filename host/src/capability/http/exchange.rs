//! One request in an instance: the guest runs, and its response is gathered or sent on as it comes.

use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lattice_client::stream::{
    Deadline, Progress, Reader, Streams, WINDOW_BYTES, Writer, pipe_with,
};
use lattice_protocol::standard::http::{Body, INLINE_BYTES_MAX, Request, Response};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyIndices;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::body::{self, Gathered, Next, Wanted, gather, next};
use super::{Fault, headers, request};
use crate::actor::instance::Instance;

type Outgoing = ::http::Response<HyperOutgoingBody>;

/// What a request comes with.
pub struct Asked {
    /// The request.
    pub request: Request,
    /// The streams that it refers to.
    pub streams: Streams,
    /// Whether the caller takes a response whose body is a stream.
    pub takes_streams: bool,
    /// The longest body for a caller that doesn't.
    pub body_bytes_max: usize,
    /// When the body of the response moved last.
    pub progress: Progress,
}

/// How a request ended, or goes on.
pub enum Answer {
    /// The response is whole, and the guest has returned. Its instance is fit for another call, if it
    /// is there.
    Ended(Response, Option<Instance>),
    /// The response goes to the caller, and the guest goes on.
    Begun(Response, Option<Reader>, Box<Rest>),
}

/// What is left of a request after its response was begun.
pub struct Rest {
    guest: Guest,
    body: Option<(HyperOutgoingBody, Writer)>,
    trailers: Option<::http::HeaderMap>,
}

/// The guest: running, or returned with what is left of it.
struct Guest {
    running: Option<BoxFuture<'static, Result<Instance, Fault>>>,
    instance: Option<Instance>,
}

/// Runs the guest until there is something to answer.
pub(super) async fn begin(
    indices: Arc<ProxyIndices>,
    instance: Instance,
    asked: Asked,
) -> Result<Answer, Fault> {
    let (sender, head) = oneshot::channel();
    let run = run(indices, instance, asked.request, asked.streams, sender);
    let mut guest = Guest {
        running: Some(Box::pin(run)),
        instance: None,
    };
    let head = match guest.beside(head).await? {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => return Err(Fault::ErrorCode(format!("{code:?}"))),
        Err(_) => return Err(Fault::NoResponse),
    };
    let (parts, mut body) = head.into_parts();
    let wanted = Wanted {
        bytes_max: match asked.takes_streams {
            true => INLINE_BYTES_MAX,
            false => asked.body_bytes_max,
        },
        streams: asked.takes_streams,
    };
    let gathered = guest.beside(gather(&mut body, wanted)).await?;
    let response = |body| Response {
        status: parts.status.as_u16(),
        headers: headers::write(&parts.headers),
        body,
    };
    match gathered.map_err(|error| Fault::Body(error.to_string()))? {
        Gathered::TooLarge => Err(Fault::TooLarge(asked.body_bytes_max)),
        Gathered::Whole(bytes) => {
            drop(body);
            guest.ended(response(Body::Whole(bytes)), wanted).await
        }
        Gathered::Begun(first, trailers) => {
            let (mut writer, reader) = pipe_with(WINDOW_BYTES, asked.progress);
            writer.push(first);
            let rest = Rest {
                guest,
                body: Some((body, writer)),
                trailers,
            };
            let response = response(Body::Stream(1));
            Ok(Answer::Begun(response, Some(reader), Box::new(rest)))
        }
    }
}

async fn run(
    indices: Arc<ProxyIndices>,
    mut instance: Instance,
    request: Request,
    streams: Streams,
    sender: oneshot::Sender<Result<Outgoing, ErrorCode>>,
) -> Result<Instance, Fault> {
    let store = &mut instance.store;
    let scheme = request::scheme(&request.scheme);
    let request = request::read(request, &streams)?;
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
    Ok(instance)
}

impl Guest {
    /// What `work` comes to while the guest runs. A guest that traps did not answer: its word on that
    /// comes first. One that has returned and left the work unfinished goes with its store, so that
    /// what it left open ends.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Fault> {
        let mut work = pin!(work);
        if let Some(running) = &mut self.running {
            tokio::select! {
                biased;
                returned = running => {
                    self.running = None;
                    self.instance = Some(returned?);
                }
                done = &mut work => return Ok(done),
            }
        }
        if let Some(done) = work.as_mut().now_or_never() {
            return Ok(done);
        }
        self.instance = None;
        Ok(work.await)
    }

    /// The response is whole: the guest mostly has returned by now, or does so at once. One that goes
    /// on after its response holds nobody up who can be answered before.
    async fn ended(mut self, response: Response, wanted: Wanted) -> Result<Answer, Fault> {
        if let Some(running) = &mut self.running {
            let returned = match wanted.streams {
                false => Some(running.await),
                true => tokio::time::timeout(body::LINGER, running).await.ok(),
            };
            let Some(returned) = returned else {
                let rest = Rest {
                    guest: self,
                    body: None,
                    trailers: None,
                };
                return Ok(Answer::Begun(response, None, Box::new(rest)));
            };
            self.instance = Some(returned?);
        }
        Ok(Answer::Ended(response, self.instance))
    }
}

/// Why the rest of a request did not come to its end.
pub enum Cut {
    /// The guest failed: whoever reads the body should hear of it.
    Failed(Fault, Option<Writer>),
    /// Its time is over.
    Late(Option<Writer>),
    /// Nobody reads the body any more.
    Unwanted,
}

impl Rest {
    /// Sends the body on and lets the guest come to its end; answers its instance if it is fit for
    /// another call.
    pub async fn finish(mut self, deadline: &Deadline) -> Result<Option<Instance>, Cut> {
        if let Some((body, writer)) = self.body.take() {
            match self.send(body, writer, deadline).await {
                Ok(()) => {}
                Err(cut) => return Err(cut),
            }
        }
        if let Some(running) = self.guest.running.take() {
            match deadline.limit(running).await {
                Some(Ok(instance)) => self.guest.instance = Some(instance),
                Some(Err(fault)) => return Err(Cut::Failed(fault, None)),
                None => return Err(Cut::Late(None)),
            }
        }
        Ok(self.guest.instance)
    }

    async fn send(
        &mut self,
        mut body: HyperOutgoingBody,
        mut writer: Writer,
        deadline: &Deadline,
    ) -> Result<(), Cut> {
        let mut trailers = self.trailers.take();
        loop {
            let step = tokio::select! {
                biased;
                step = self.guest.beside(next(&mut body, &mut writer)) => step,
                () = deadline.passed() => return Err(Cut::Late(Some(writer))),
            };
            match step {
                Ok(Next::Piece(piece)) => writer.push(piece),
                Ok(Next::Trailers(fields)) => trailers = Some(fields),
                Ok(Next::End) => break,
                Ok(Next::Unwanted) => return Err(Cut::Unwanted),
                Ok(Next::Broken(reason)) => {
                    return Err(Cut::Failed(Fault::Body(reason), Some(writer)));
                }
                Err(fault) => return Err(Cut::Failed(fault, Some(writer))),
            }
        }
        writer.end(body::tail(trailers.as_ref()));
        Ok(())
    }
}
