//! One request on a connection, until its response begins.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use lattice_protocol::standard::http::OutgoingError as Fault;
use tokio::time::Instant;
use tracing::debug;

use super::config::Waits;
use super::connect::{Connection, Speaks};
use super::destination::Destination;
use super::fault;
use super::policy::Policy;
use super::pool::{Lease, Pool};
use super::request;
use super::upload::{Upload, Watch};

/// How many connections are tried for a request that none of them took: a kept one can be closed by its
/// server at any moment, and then nothing was sent.
const ATTEMPTS_MAX: usize = 4;

type Request = http::Request<Upload>;

/// A response that has begun.
pub(super) struct Begun {
    pub(super) response: Response<Incoming>,
    pub(super) lease: Lease,
    pub(super) watch: Stopper,
}

/// Ends a request's body with the exchange, however that ends.
pub(super) struct Stopper(Arc<Watch>);

impl Stopper {
    pub(super) fn watch(&self) -> &Watch {
        &self.0
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// How a connection took a request.
enum Taken {
    Answered(Response<Incoming>),
    /// Not at all: here it is again.
    Refused(Request),
}

/// Sends a request; what is dropped half-way closes what it has opened.
pub(super) async fn send(
    pool: &Pool,
    to: Destination,
    policy: &Policy,
    mut request: Request,
    waits: Waits,
) -> Result<Begun, Fault> {
    let watch = Stopper(request.body().watch());
    let deadline = Instant::now() + waits.connect;
    let place = pool.place(to, deadline).await?;
    for _ in 0..ATTEMPTS_MAX {
        let mut connection = pool.connection(&place, policy, deadline).await?;
        match on(
            &mut connection,
            &place.stay.to,
            request,
            &watch.0,
            waits.first_byte,
        )
        .await?
        {
            Taken::Answered(response) => {
                let lease = Lease { connection, place };
                return Ok(Begun {
                    response,
                    lease,
                    watch,
                });
            }
            Taken::Refused(back) => {
                place.stay.forget(&connection);
                request = back;
            }
        }
    }
    Err(Fault::ConnectionTerminated)
}

async fn on(
    connection: &mut Connection,
    to: &Destination,
    mut request: Request,
    watch: &Watch,
    patience: Duration,
) -> Result<Taken, Fault> {
    let ready = match &mut connection.speaks {
        Speaks::Http1(sender, _) => sender.ready().await,
        Speaks::Http2(sender, _) => sender.ready().await,
    };
    if ready.is_err() {
        return Ok(Taken::Refused(request));
    }
    watch.begin();
    let sent = async {
        match &mut connection.speaks {
            Speaks::Http1(sender, _) => {
                request::for_http1(&mut request, to)?;
                Ok(sender.try_send_request(request).await)
            }
            Speaks::Http2(sender, _) => {
                request::for_http2(&mut request, to)?;
                Ok(sender.try_send_request(request).await)
            }
        }
    };
    let sent = tokio::select! {
        biased;
        sent = sent => sent?,
        fault = watch.stalled(patience) => return Err(fault),
    };
    match sent {
        // Nothing that could be switched to was offered.
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Err(Fault::HttpProtocolError)
        }
        Ok(response) => Ok(Taken::Answered(response)),
        Err(error) => refused(error, watch),
    }
}

fn refused(mut error: TrySendError<Request>, watch: &Watch) -> Result<Taken, Fault> {
    if let Some(request) = error.take_message() {
        return Ok(Taken::Refused(request));
    }
    let error = error.into_error();
    debug!(%error, "a request was not answered");
    // What is wrong with the body itself says more than what that did to the connection.
    Err(watch.broken().unwrap_or_else(|| fault::of_request(&error)))
}
