//! One request in, one response out.
//!
//! The order of checks: what this process answers itself (`/healthz`), room, the request's head,
//! its route, its body. What is refused before the body is read is refused without reading it.
//!
//! `GET /healthz` (and `HEAD`) is answered here for every host, before any route: 200 while there
//! is a connection to the lattice, 503 while there is none. A route for `/healthz` therefore never
//! sees a `GET`; deeper paths (`/healthz/x`) and other methods follow the routes.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use lattice_client::Call;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{CallId, TargetName};
use lattice_protocol::interface::Endpoint;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::admission::{Load, Share};
use crate::backend::{self, Backend};
use crate::body;
use crate::config::Limits;
use crate::headers::Hop;
use crate::request::{self, REQUEST_ID};
use crate::response::{self, Response};
use crate::route::Table;
use crate::status::Refusal;

/// The path of the health check.
const HEALTH_PATH: &str = "/healthz";

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) limits: Limits,
    pub(crate) table: Table,
}

/// Answers requests of every connection.
pub(crate) struct Service<B> {
    backend: B,
    live: watch::Receiver<Arc<Live>>,
    load: Load,
    handle: Endpoint,
}

/// What is known of a request before anything is decided.
struct Origin<'a> {
    peer: IpAddr,
    call: CallId,
    request_id: &'a HeaderValue,
}

/// A request that has an actor to go to, and its place among those in flight.
struct Routed<'a> {
    authority: http::uri::Authority,
    target: TargetName,
    body_share: Share<'a>,
    _place: Share<'a>,
}

impl<B: Backend> Service<B> {
    pub(crate) fn new(backend: B, handle: Endpoint, live: watch::Receiver<Arc<Live>>) -> Self {
        Self {
            backend,
            live,
            load: Load::default(),
            handle,
        }
    }

    /// The largest message that the lattice carries.
    pub(crate) fn max_payload(&self) -> usize {
        self.backend.max_payload()
    }

    /// The settings in force now, and word of later ones.
    pub(crate) fn live(&self) -> watch::Receiver<Arc<Live>> {
        self.live.clone()
    }

    /// Answers one request; never fails, for a failure is an answer too.
    pub(crate) async fn respond(&self, request: http::Request<Incoming>, peer: IpAddr) -> Response {
        let call = CallId::new();
        let request_id = request::id(request.headers(), call);
        let head = request.method() == Method::HEAD;
        let origin = Origin {
            peer,
            call,
            request_id: &request_id,
        };
        let mut response = match self.answer(request, &origin).await {
            Ok(response) => response,
            Err(refusal) => {
                debug!(request_id = ?request_id, code = refusal.code, "request refused");
                refusal.response(&request_id)
            }
        };
        response::finish(&mut response, head);
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    }

    async fn answer(
        &self,
        request: http::Request<Incoming>,
        origin: &Origin<'_>,
    ) -> Result<Response, Refusal> {
        if is_health_check(&request) {
            return Ok(health(self.backend.is_connected()));
        }
        let live = self.live.borrow().clone();
        let (parts, mut body) = request.into_parts();
        let read = match self.route(&parts, &live) {
            Err(refusal) => Err(refusal),
            Ok(mut routed) => body::read(&mut body, &live.limits, &mut routed.body_share)
                .await
                .map(|bytes| (routed, bytes)),
        };
        match read {
            Ok((routed, bytes)) => {
                self.forward(&parts, bytes, routed, &live.limits, origin)
                    .await
            }
            // Who was too slow already is not waited for again.
            Err(Refusal::SLOW_BODY) => Err(Refusal::SLOW_BODY),
            Err(refusal) => {
                body::discard(body, &parts.headers).await;
                Err(refusal)
            }
        }
    }

    /// Decides where a request goes, from its head alone.
    fn route(&self, parts: &Parts, live: &Live) -> Result<Routed<'_>, Refusal> {
        let place = self.load.request(live.limits.requests_max)?;
        request::check(parts, &live.limits)?;
        let authority = request::authority(parts)?;
        let target = live
            .table
            .find(authority.host(), parts.uri.path())
            .ok_or(Refusal::NO_ROUTE)?
            .clone();
        Ok(Routed {
            authority,
            target,
            body_share: self.load.body(),
            _place: place,
        })
    }

    async fn forward(
        &self,
        parts: &Parts,
        body: Bytes,
        routed: Routed<'_>,
        limits: &Limits,
        origin: &Origin<'_>,
    ) -> Result<Response, Refusal> {
        let hop = Hop {
            peer: origin.peer,
            authority: routed.authority.as_str(),
            trusted: limits.trust_forwarded,
        };
        let arguments = request::arguments(parts, hop, origin.request_id, body);
        let answered = match backend::payload(&arguments) {
            Err(error) => Err(error),
            Ok(payload) => {
                drop(arguments);
                let call = Call {
                    target: routed.target.clone(),
                    endpoint: self.handle.clone(),
                    context: request::context(&parts.headers, origin.call, limits),
                    payload,
                };
                self.backend.call(call).await
            }
        };
        let answer = answered.map_err(|error| failed(&routed.target, origin, &error))?;
        response::read(&answer).map_err(|fault| {
            let (request_id, target) = (origin.request_id, &routed.target);
            warn!(?request_id, actor = %target, %fault, "the answer is no HTTP response");
            Refusal::BAD_RESPONSE
        })
    }
}

/// What a call's error becomes; what the operator should see of it goes to the log.
fn failed(target: &TargetName, origin: &Origin<'_>, error: &CallError) -> Refusal {
    let (request_id, message) = (origin.request_id, &error.message);
    match error.code {
        // Overload, absence and deadlines come in thousands: the metrics of the actor count them.
        ErrorCode::Overloaded | ErrorCode::Unavailable | ErrorCode::Deadline => {
            debug!(?request_id, actor = %target, code = %error.code, message, "call failed");
        }
        _ => warn!(?request_id, actor = %target, code = %error.code, message, "call failed"),
    }
    Refusal::of_call(error)
}

fn is_health_check<T>(request: &http::Request<T>) -> bool {
    request.uri().path() == HEALTH_PATH && matches!(*request.method(), Method::GET | Method::HEAD)
}

fn health(connected: bool) -> Response {
    let (status, text) = if connected {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "no connection to the lattice\n",
        )
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
#[path = "service_test.rs"]
mod tests;
