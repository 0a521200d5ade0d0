//! One request in, one response out.
//!
//! The order of checks: what this process answers itself (`health`), room, the request's head, its
//! route, its body. What is refused before the body is read is refused without reading it.

use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderValue, Method};
use hyper::body::Incoming;
use lattice_client::stream::Streams;
use lattice_client::{Call, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::TargetName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::standard::http::Body;
use lattice_telemetry::Way;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::activity::Exchange;
use crate::admission::{Load, Share};
use crate::asked::Asked;
use crate::backend::{self, Backend};
use crate::body;
use crate::config::Limits;
use crate::delivery::Company;
use crate::feed::{self, Feed};
use crate::forwarded::Peer;
use crate::health;
use crate::live::Live;
use crate::request::{self, REQUEST_ID};
use crate::response::{self, Response};
use crate::shown::Shown;
use crate::status::Refusal;

/// Answers requests of every connection.
pub(crate) struct Service<B> {
    backend: B,
    live: watch::Receiver<Arc<Live>>,
    load: Load,
    handle: Endpoint,
    shown: Shown,
}

/// A request that has an actor to go to, and its place among those in flight.
struct Routed {
    authority: Authority,
    target: TargetName,
    place: Share,
}

/// A request's body as its call has it.
struct Taken {
    body: Body,
    streams: Streams,
    feed: Option<Feed>,
    /// What is held of it, if it is whole.
    _held: Option<Share>,
}

/// What has to last as long as a response is under way.
#[derive(Default)]
struct Lasting {
    feed: Option<Feed>,
    place: Option<Share>,
}

impl<B: Backend> Service<B> {
    pub(crate) fn new(
        backend: B,
        handle: Endpoint,
        live: watch::Receiver<Arc<Live>>,
        shown: Shown,
    ) -> Self {
        Self {
            backend,
            live,
            load: Load::default(),
            handle,
            shown,
        }
    }

    /// The settings in force now, and word of later ones.
    pub(crate) fn live(&self) -> watch::Receiver<Arc<Live>> {
        self.live.clone()
    }

    /// Answers one request; never fails, for a failure is an answer too.
    pub(crate) async fn respond(
        &self,
        request: http::Request<Incoming>,
        peer: Peer,
        exchange: Exchange,
    ) -> Response {
        let live = self.live.borrow().clone();
        let (mut parts, body) = request.into_parts();
        let asking = self.shown.begin(&mut parts);
        let mut asked = Asked::new(parts, peer, &live);
        let answered = self.answer(&mut asked, body, &live).await;
        let (mut response, lasting) = answered.unwrap_or_else(|refusal| {
            debug!(request_id = ?asked.request_id, code = refusal.code, "request refused");
            (refusal.response(&asked.request_id), Lasting::default())
        });
        response::finish(&mut response, asked.parts.method == Method::HEAD);
        if let Some(entry) = &mut asked.entry {
            entry.status = Some(response.status().as_u16());
        }
        let company = Company {
            exchange,
            feed: lasting.feed,
            _place: lasting.place,
        };
        response.body_mut().depart(company, asked.entry);
        response.headers_mut().insert(REQUEST_ID, asked.request_id);
        asking.answered(response.status());
        response
    }

    async fn answer(
        &self,
        asked: &mut Asked,
        body: Incoming,
        live: &Live,
    ) -> Result<(Response, Lasting), Refusal> {
        if health::is_asked(&asked.parts) {
            let response = health::answer(self.backend.is_connected());
            return Ok((response, Lasting::default()));
        }
        let limits = &live.limits;
        let routed = self.route(asked, live).and_then(|routed| {
            let share = self.load.body(limits.held_bytes_max);
            Ok((routed, share, body::is_short(&body, limits)?))
        });
        let (routed, share, short) = match routed {
            Ok(routed) => routed,
            Err(refusal) if body::is_withheld(&asked.parts.headers) => return Err(refusal),
            Err(refusal) => {
                body::discard(body).await;
                return Err(refusal);
            }
        };
        let taken = match short {
            true => whole(body, limits, share).await?,
            false => streamed(body, limits, share).await?,
        };
        self.forward(asked, taken, routed, limits).await
    }

    /// Decides where a request goes, from its head alone.
    fn route(&self, asked: &mut Asked, live: &Live) -> Result<Routed, Refusal> {
        let place = self.load.request(live.limits.requests_max)?;
        request::check(&asked.parts, &live.limits)?;
        let authority = request::authority(&asked.parts)?;
        asked.is_to_host(authority.as_str());
        let target = live
            .table
            .find(authority.host(), asked.parts.uri.path())
            .ok_or(Refusal::NO_ROUTE)?
            .clone();
        asked.is_for(&target);
        Ok(Routed {
            authority,
            target,
            place,
        })
    }

    async fn forward(
        &self,
        asked: &mut Asked,
        taken: Taken,
        routed: Routed,
        limits: &Limits,
    ) -> Result<(Response, Lasting), Refusal> {
        let Asked {
            parts,
            source,
            call: id,
            request_id,
            entry,
        } = asked;
        let mut unlogged = None;
        let way = entry.as_mut().map_or(&mut unlogged, |entry| &mut entry.way);
        let Taken {
            body,
            streams,
            mut feed,
            _held,
        } = taken;
        let arguments = request::arguments(parts, &routed.authority, source, request_id, body);
        let payload = backend::payload(&arguments);
        drop(arguments);
        let call = Call {
            target: routed.target.clone(),
            endpoint: self.handle.clone(),
            context: request::context(&parts.headers, *id, limits),
            payload: payload.map_err(|error| failed(&routed.target, request_id, &error))?,
            streams,
        };
        let reply = self.call(call, &mut feed, way).await?;
        let reply = reply.map_err(|error| failed(&routed.target, request_id, &error))?;
        let response = response::read(reply).map_err(|fault| {
            warn!(?request_id, actor = %routed.target, %fault, "the answer is no HTTP response");
            Refusal::BAD_RESPONSE
        })?;
        let place = Some(routed.place);
        Ok((response, Lasting { feed, place }))
    }

    /// Makes the call, unless the body that it was begun with turns out to be refused.
    async fn call(
        &self,
        call: Call,
        feed: &mut Option<Feed>,
        way: &mut Option<Way>,
    ) -> Result<Result<Reply, CallError>, Refusal> {
        let Some(feed) = feed else {
            return Ok(self.shown.call(&self.backend, call, way).await);
        };
        tokio::select! {
            biased;
            refusal = feed.broken() => Err(refusal),
            reply = self.shown.call(&self.backend, call, way) => Ok(reply),
        }
    }
}

async fn whole(mut body: Incoming, limits: &Limits, mut share: Share) -> Result<Taken, Refusal> {
    match body::read(&mut body, limits, &mut share).await {
        Ok(bytes) => Ok(Taken {
            body: Body::Whole(bytes),
            streams: Streams::default(),
            feed: None,
            _held: Some(share),
        }),
        // Who was too slow already is not waited for again.
        Err(Refusal::SLOW_BODY) => Err(Refusal::SLOW_BODY),
        Err(refusal) => {
            body::discard(body).await;
            Err(refusal)
        }
    }
}

async fn streamed(body: Incoming, limits: &Limits, mut share: Share) -> Result<Taken, Refusal> {
    if let Err(refusal) = share.grow(feed::WINDOW_BYTES) {
        body::discard(body).await;
        return Err(refusal);
    }
    let (feed, reader) = feed::begin(body, limits, share);
    Ok(Taken {
        body: Body::Stream(1),
        streams: Streams::new(vec![reader]),
        feed: Some(feed),
        _held: None,
    })
}

/// What a call's error becomes; what the operator should see of it goes to the log.
fn failed(target: &TargetName, request_id: &HeaderValue, error: &CallError) -> Refusal {
    let message = &error.message;
    match error.code {
        // Overload, absence and deadlines come in thousands: the metrics of the actor count them.
        ErrorCode::Overloaded | ErrorCode::Unavailable | ErrorCode::Deadline => {
            debug!(?request_id, actor = %target, code = %error.code, message, "call failed");
        }
        _ => warn!(?request_id, actor = %target, code = %error.code, message, "call failed"),
    }
    Refusal::of_call(error)
}

#[cfg(test)]
#[path = "service_test.rs"]
mod tests;

#[cfg(test)]
#[path = "streaming_test.rs"]
mod streaming_tests;
