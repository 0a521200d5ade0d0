//! One call from its arrival to its answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use lattice_client::stream::{Deadline, Streams};
use lattice_client::{Incoming, Reply, Responder};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::standard::health::Health;
use lattice_telemetry::Way;
use lattice_telemetry::metrics::Meter;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error};

use crate::admission::{Admission, Ticket};
use crate::endpoints::{Endpoints, Offered};
use crate::health::Said;
use crate::links::{self, Links};
use crate::options::Direct;
use crate::shown::Shown;
use crate::{Call, Link, Provider, health};

/// How long a call whose link is not known may wait for it: its host can hear of a new link a
/// little earlier than this process does.
const LINK_GRACE: Duration = Duration::from_millis(500);

/// Answers calls, each in a task of its own.
pub(crate) struct Service<P> {
    core: Arc<Core<P>>,
    admission: Admission,
    said: Said,
    tasks: TaskTracker,
}

/// What a running call needs.
pub(crate) struct Core<P> {
    pub(crate) name: ProviderName,
    pub(crate) provider: P,
    pub(crate) endpoints: Endpoints,
    pub(crate) links: watch::Receiver<Arc<Links>>,
    pub(crate) shown: Shown,
    /// Ends calls that are still running when the time to finish them is over.
    pub(crate) abort: CancellationToken,
}

/// A call without the way back.
struct Request {
    endpoint: Endpoint,
    context: Context,
    payload: Bytes,
    streams: Streams,
    takes_streams: bool,
    received: Instant,
    way: Way,
}

impl<P: Provider> Service<P> {
    pub(crate) fn new(core: Arc<Core<P>>, admission: Admission, said: Said) -> Self {
        Self {
            core,
            admission,
            said,
            tasks: TaskTracker::new(),
        }
    }

    /// Takes a call, or refuses it at once.
    pub(crate) async fn accept(&self, incoming: Incoming) {
        let Incoming {
            endpoint,
            context,
            payload,
            streams,
            received,
            responder,
            ..
        } = incoming;
        let request = Request {
            endpoint,
            context,
            payload,
            streams,
            takes_streams: responder.takes_streams(),
            received,
            way: Way::Queue,
        };
        if health::is_check(&request.endpoint) {
            return responder.reply(healthy(request, &self.said.get())).await;
        }
        match self.admission.enter() {
            Some(ticket) => self.spawn(request, ticket, responder),
            None => responder.refuse(self.core.no_room(&request)).await,
        }
    }

    /// The calls that were taken and have not ended.
    pub(crate) fn calls(&self) -> TaskTracker {
        self.tasks.clone()
    }

    fn spawn(&self, request: Request, ticket: Ticket, responder: Responder) {
        let core = self.core.clone();
        self.tasks.spawn(async move {
            // What the call has is dropped before its reply, which may wait for a connection.
            let result = {
                let work = pin!(core.answer(request, &ticket));
                responder.unless_gone(work).await
            };
            responder.reply(result).await;
            drop(ticket);
        });
    }

    /// The same for callers of this process, without a message in between. A call that is given up is
    /// dropped where it is.
    pub(crate) fn direct(&self) -> Direct {
        let (core, admission, tasks) = (
            self.core.clone(),
            self.admission.clone(),
            self.tasks.clone(),
        );
        Arc::new(move |call| {
            let (core, admission) = (core.clone(), admission.clone());
            let answer = async move {
                let request = Request {
                    endpoint: call.endpoint,
                    context: call.context,
                    payload: call.payload,
                    streams: call.streams,
                    takes_streams: true,
                    received: Instant::now(),
                    way: Way::Local,
                };
                match admission.enter() {
                    Some(ticket) => core.answer(request, &ticket).await,
                    None => Err(core.no_room(&request)),
                }
            };
            tasks.track_future(answer).boxed()
        })
    }

    /// Lets running calls finish for `time`, then ends those that have not.
    pub(crate) async fn finish(&self, time: Duration) {
        self.tasks.close();
        if tokio::time::timeout(time, self.tasks.wait()).await.is_err() {
            error!(
                calls = self.tasks.len(),
                "calls were ended: they ran longer than a shutdown may"
            );
            self.core.abort.cancel();
            self.tasks.wait().await;
        }
    }
}

fn healthy(request: Request, health: &Health) -> Result<Reply, CallError> {
    let Request {
        endpoint,
        context,
        payload,
        ..
    } = request;
    Call::new(endpoint, None, context, payload)?.reply(health)
}

impl<P: Provider> Core<P> {
    async fn answer(&self, mut request: Request, ticket: &Ticket) -> Result<Reply, CallError> {
        let offered = match self.endpoints.resolve(&request.endpoint) {
            Ok(offered) => offered,
            Err(error) => return Err(self.refused(None, &request, error)),
        };
        let (endpoint, meter) = (&offered.endpoint, offered.meter.as_deref());
        let (context, received) = (&request.context, request.received);
        let serving = self
            .shown
            .begin(endpoint, meter, context, received, request.way);
        if let Some(context) = serving.context(&request.context) {
            request.context = context;
        }
        let result = self.serve(request, offered, ticket).await;
        serving.end(&result);
        result
    }

    async fn serve(
        &self,
        request: Request,
        offered: &Offered,
        ticket: &Ticket,
    ) -> Result<Reply, CallError> {
        let left = request
            .context
            .remaining
            .saturating_sub(request.received.elapsed());
        let deadline = tokio::time::Instant::now() + left;
        let endpoint = offered.endpoint.clone();
        let admitted = async {
            let link = self.link(&request.context, &endpoint).await?;
            Ok((link, ticket.turn().await))
        };
        let (link, _turn) = tokio::select! {
            // A deadline that is over is found before work that is ready.
            biased;
            () = tokio::time::sleep_until(deadline) => return Err(self.too_late()),
            () = self.abort.cancelled() => return Err(self.stopping(CallError::refused)),
            admitted = admitted => admitted?,
        };
        let Request {
            mut context,
            payload,
            streams,
            takes_streams,
            ..
        } = request;
        let patience = context.remaining;
        context.remaining = deadline.saturating_duration_since(tokio::time::Instant::now());
        // While its streams move, a call has its time anew.
        let deadline = match streams.is_empty() {
            true => deadline.into_std().into(),
            false => Deadline::moving(deadline.into_std(), patience, streams.progress()),
        };
        let mut call = Call::new(endpoint, link, context, payload)?;
        call.streams = streams;
        call.takes_streams = takes_streams;
        self.run(call, deadline).await
    }

    /// The link that the call came through; a call with no origin has none.
    async fn link(
        &self,
        context: &Context,
        endpoint: &Endpoint,
    ) -> Result<Option<Arc<Link>>, CallError> {
        let Some(origin) = &context.origin else {
            return Ok(None);
        };
        let denied = || links::denied(&self.name, origin, endpoint);
        let interface = endpoint.interface.as_ref().ok_or_else(denied)?;
        if let Some(link) = self.links.borrow().find(origin, interface) {
            return Ok(Some(link));
        }
        let mut links = self.links.clone();
        let known = links.wait_for(|links| links.find(origin, interface).is_some());
        // `Err` twice over: not in time, or never again.
        match tokio::time::timeout(LINK_GRACE, known).await {
            Ok(Ok(links)) => Ok(links.find(origin, interface)),
            _ => Err(denied()),
        }
    }

    /// The provider's own part: bounded by the deadline, and fenced so that a panic in it, or in
    /// the drop of what it left, stays within this call.
    async fn run(&self, call: Call, deadline: Deadline) -> Result<Reply, CallError> {
        let endpoint = call.endpoint.clone();
        let work = async {
            tokio::select! {
                result = deadline.limit(self.provider.call(call)) => {
                    result.unwrap_or_else(|| Err(self.overdue(&endpoint)))
                }
                () = self.abort.cancelled() => Err(self.stopping(CallError::begun)),
            }
        };
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                let (provider, reason) = (&self.name, reason(&*panic));
                error!(%provider, %endpoint, reason, "a call panicked");
                let message = format!("provider {provider} failed in {endpoint}");
                Err(CallError::begun(ErrorCode::Internal, message))
            })
    }

    fn no_room(&self, request: &Request) -> CallError {
        let offered = self.endpoints.resolve(&request.endpoint).ok();
        let meter = offered.and_then(|offered| offered.meter.as_deref());
        self.refused(meter, request, self.overloaded())
    }

    fn refused(&self, meter: Option<&Meter>, request: &Request, error: CallError) -> CallError {
        self.shown
            .refused(meter, request.received, request.way, error)
    }

    fn overloaded(&self) -> CallError {
        debug!(provider = %self.name, "a call was refused: no room");
        let message = format!(
            "provider {} has no room: as many calls wait as may",
            self.name
        );
        CallError::refused(ErrorCode::Overloaded, message)
    }

    fn too_late(&self) -> CallError {
        let message = format!(
            "the call's time was over before provider {} began it",
            self.name
        );
        CallError::refused(ErrorCode::Deadline, message)
    }

    fn overdue(&self, endpoint: &Endpoint) -> CallError {
        let message = format!("provider {} did not finish {endpoint} in time", self.name);
        CallError::begun(ErrorCode::Deadline, message)
    }

    fn stopping(&self, error: fn(ErrorCode, String) -> CallError) -> CallError {
        error(
            ErrorCode::Unavailable,
            format!("provider {} was stopped", self.name),
        )
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
#[path = "service_test.rs"]
mod tests;
