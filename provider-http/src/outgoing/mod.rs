//! `wasi:http/outgoing-handler`: requests that actors send, each held to what its link grants.
//!
//! A request's way, which is also the reading order:
//! - `destination` and `rule`: where it goes, and whether the link names that;
//! - `policy` and `reach`: what a link grants, and which addresses are no part of the internet;
//! - `request`, `fields` and `upload`: what the server sees;
//! - `pool` and `hosts`: its place and its connection;
//! - `connect` and `trust`: a new one: name, addresses, TLS;
//! - `exchange`: until the response begins;
//! - `response`: what the actor sees; `fault`: what it sees when something went wrong.
//!
//! `config` has the limits. Redirects are the actor's: each request is checked by itself.

mod config;
mod connect;
mod destination;
mod exchange;
mod fault;
mod fields;
mod hosts;
mod policy;
mod pool;
mod reach;
mod request;
mod response;
mod rule;
mod trust;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lattice_client::stream::Reader;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::interface::{Endpoint, Interface};
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::http::{
    Answer, HANDLE, OUTGOING, Outgoing as Arguments, OutgoingError as Fault, Response,
};
use provider_sdk::{Call, Link, Reply};
use tracing::{debug, warn};

use crate::error::Error;
pub(crate) use config::{Limits, Written};
use destination::Destination;
use policy::Policy;
use pool::Pool;

/// The function that this answers.
pub(crate) fn handle() -> Result<Endpoint, lattice_protocol::id::Error> {
    Ok(Endpoint {
        interface: Some(OUTGOING.parse::<Interface>()?),
        function: HANDLE.parse()?,
    })
}

/// Whether requests leave through a link.
pub(crate) fn is_for(link: &Link) -> bool {
    let interface = OUTGOING.parse::<Interface>();
    interface.is_ok_and(|interface| link.interface.covers(&interface))
}

/// Sends requests for actors.
#[derive(Default)]
pub(crate) struct Outgoing {
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    limits: Option<Limits>,
    /// None before the first link is there.
    pool: Option<Arc<Pool>>,
    /// What each link grants, by the link itself: a changed one is another.
    granted: HashMap<usize, (Arc<Link>, Granted)>,
}

/// What a link grants, or why its config says nothing.
type Granted = Result<Arc<Policy>, policy::Error>;

impl Outgoing {
    /// Takes new limits and links. What is under way goes on as it began.
    pub(crate) async fn apply(&self, limits: Limits, links: &[Link]) -> Result<(), Error> {
        let links: Vec<_> = links.iter().filter(|link| is_for(link)).collect();
        for link in &links {
            if let Err(error) = Policy::read(&link.config) {
                let table = policy::table(link);
                warn!(%error, table, "every request through this link is refused");
            }
        }
        let is_kept = {
            let mut now = self.lock();
            now.granted.clear();
            now.pool.is_some() && now.limits.as_ref() == Some(&limits)
        };
        if is_kept || (links.is_empty() && limits.ca.is_none()) {
            return Ok(());
        }
        let tls = trust::client(limits.ca.as_deref()).await?;
        let pool = Arc::new(Pool::new(&limits, tls));
        let mut now = self.lock();
        now.limits = Some(limits);
        now.pool = Some(pool);
        Ok(())
    }

    /// Answers one request.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let link = call.link.clone().ok_or_else(no_link)?;
        let (pool, limits) = self.pool().ok_or_else(not_ready)?;
        let Arguments { request, options } = call.args()?;
        let policy = match self.granted(&link) {
            Ok(policy) => policy,
            Err(error) => {
                let table = policy::table(&link);
                debug!(%error, table, "a request was refused");
                return call.reply(&Answer::Err(Fault::ConfigurationError));
            }
        };
        let Some(to) = Destination::read(&request.scheme, &request.authority) else {
            return call.reply(&Answer::Err(Fault::HttpRequestUriInvalid));
        };
        if !policy.allows(&to) {
            return Err(denied(&link, &to));
        }
        let waits = limits.waits.lowered(options);
        let answered = async {
            let request = request::prepare(request, &to, &call.streams, &call.context)?;
            let begun = exchange::send(&pool, to.clone(), &policy, request, waits).await?;
            response::read(begun, waits.between_bytes).await
        };
        let answered = answered.await;
        if let Err(fault) = &answered {
            debug!(%fault, %to, source = %link.source, "a request was not answered");
        }
        reply(&call, answered)
    }

    fn pool(&self) -> Option<(Arc<Pool>, Limits)> {
        let now = self.lock();
        Some((now.pool.clone()?, now.limits.clone()?))
    }

    /// What a link grants, read once.
    fn granted(&self, link: &Arc<Link>) -> Granted {
        let key = Arc::as_ptr(link).addr();
        let mut now = self.lock();
        // A link that is held can't have its address taken by another.
        let (_, granted) = now.granted.entry(key).or_insert_with(|| {
            let granted = Policy::read(&link.config).map(Arc::new);
            (link.clone(), granted)
        });
        granted.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        // Nothing panics under this lock.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reply(
    call: &Call,
    answered: Result<(Response, Option<Reader>), Fault>,
) -> Result<Reply, CallError> {
    let (answer, stream) = match answered {
        Ok((response, stream)) => (WitResult::Ok(response), stream),
        Err(fault) => (WitResult::Err(fault), None),
    };
    if stream.is_some() && !call.takes_streams {
        let message = "the response's body is a stream, and the caller takes none";
        return Err(CallError::begun(ErrorCode::TooLarge, message));
    }
    let mut reply = call.reply::<Answer>(&answer)?;
    reply.streams.extend(stream);
    Ok(reply)
}

fn no_link() -> CallError {
    let message = format!("only actors send requests through {OUTGOING}, each by its link");
    CallError::refused(ErrorCode::Denied, message)
}

fn not_ready() -> CallError {
    let message = "the provider has not taken its settings yet";
    CallError::refused(ErrorCode::Unavailable, message)
}

fn denied(link: &Link, to: &Destination) -> CallError {
    let message = format!(
        "actor {} may not send requests to {to}: write allow = [\"{to}\"] in {}",
        link.source,
        policy::table(link)
    );
    debug!(%to, source = %link.source, "a request was refused: its link does not allow it");
    CallError::refused(ErrorCode::Denied, message)
}

#[cfg(test)]
mod testing;

#[cfg(test)]
#[path = "outgoing_test.rs"]
mod tests;

#[cfg(test)]
mod streams_test;
