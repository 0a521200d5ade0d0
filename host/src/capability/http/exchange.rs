//! One request in an instance: the guest runs, and its response is gathered or sent on as it comes.

use std::pin::pin;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lattice_client::stream::{
    Deadline, Progress, Reader, Streams, WINDOW_BYTES, Writer, pipe_with,
};
use lattice_protocol::standard::http::{Body, INLINE_BYTES_MAX, Request, Response};
use wasmtime_wasi_http::WasiBody;

use super::Fault;
use super::body::{self, Gathered, Next, Wanted, gather, next};
use super::headers::{self, Room};
use crate::actor::instance::Instance;

/// What the guest answers, or why it answers nothing.
pub(super) type Head = Result<::http::Response<WasiBody>, Fault>;

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
    /// How many headers the request may have.
    pub room: Room,
    /// When the body of the response moved last.
    pub progress: Progress,
}

/// How much of a response is taken, and how.
pub(super) struct Taken {
    streams: bool,
    body_bytes_max: usize,
    progress: Progress,
}

impl Asked {
    pub(super) fn taken(&self) -> Taken {
        Taken {
            streams: self.takes_streams,
            body_bytes_max: self.body_bytes_max,
            progress: self.progress.clone(),
        }
    }
}

impl Taken {
    fn wanted(&self) -> Wanted {
        Wanted {
            bytes_max: match self.streams {
                true => INLINE_BYTES_MAX,
                false => self.body_bytes_max,
            },
            streams: self.streams,
        }
    }
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
    body: Option<(WasiBody, Writer)>,
    trailers: Option<::http::HeaderMap>,
}

/// The guest: running, or returned with what is left of it.
struct Guest {
    running: Option<Running>,
    instance: Option<Instance>,
}

/// What became of the guest, when it has returned: its instance, if it is fit for another call.
pub(super) type Running = BoxFuture<'static, Result<Option<Instance>, Fault>>;

/// Runs the guest until there is something to answer.
pub(super) async fn begin(
    running: Running,
    head: impl Future<Output = Head>,
    taken: Taken,
) -> Result<Answer, Fault> {
    let mut guest = Guest {
        running: Some(running),
        instance: None,
    };
    let head = guest.beside(head).await??;
    let wanted = taken.wanted();
    let (parts, mut body) = head.into_parts();
    let gathered = guest.beside(gather(&mut body, wanted)).await?;
    let response = |body| Response {
        status: parts.status.as_u16(),
        headers: headers::write(&parts.headers),
        body,
    };
    match gathered.map_err(|error| Fault::Body(error.to_string()))? {
        Gathered::TooLarge => Err(Fault::TooLarge(taken.body_bytes_max)),
        Gathered::Whole(bytes) => {
            drop(body);
            guest.ended(response(Body::Whole(bytes)), wanted).await
        }
        Gathered::Begun(first, trailers) => {
            let (mut writer, reader) = pipe_with(WINDOW_BYTES, taken.progress);
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
                    self.instance = returned?;
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
            self.instance = returned?;
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
                Some(Ok(instance)) => self.guest.instance = instance,
                Some(Err(fault)) => return Err(Cut::Failed(fault, None)),
                None => return Err(Cut::Late(None)),
            }
        }
        Ok(self.guest.instance)
    }

    async fn send(
        &mut self,
        mut body: WasiBody,
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
