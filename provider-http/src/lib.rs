//! HTTP provider: many actors behind one listener, and the requests that actors send.
//!
//! It speaks HTTP/1.1 and HTTP/2 to clients, with TLS or without, and calls
//! `wasi:http/incoming-handler.handle` of the actor that a route names. For actors with a link it
//! answers `wasi:http/outgoing-handler.handle`: see `outgoing`. It does not know what actors are or
//! where they run.
//!
//! A request's way, which is also the reading order:
//! - `listener`: accepts the connection, if there is room;
//! - `tls`: the certificate, kept up to date;
//! - `connection`, `watched`, `activity` and `turn`: HTTP/1.1 or HTTP/2, until it is done or does too
//!   little;
//! - `service`: one request in, one response out; `health`: `GET /healthz`;
//! - `forwarded` and `network`: where it came from;
//! - `admission`: how much is taken on at once;
//! - `route`: whose request it is;
//! - `body`: the body, whole and within bounds, or `feed`: piece by piece;
//! - `request` and `headers`: what the actor sees;
//! - `backend`: the call;
//! - `response` and `delivery`: what the client sees;
//! - `access`: the request's line in the log;
//! - `status`: what the client sees when something went wrong.
//!
//! Around it: `config` (and its limits), `server` (settings that change while it runs),
//! `provider` (the lattice's side of it), `shown` (metrics and traces), `error` (why settings are refused).

mod access;
mod activity;
mod admission;
mod asked;
mod backend;
mod body;
mod config;
mod connection;
mod delivery;
mod error;
mod feed;
mod forwarded;
mod headers;
mod health;
mod listener;
mod live;
mod network;
mod outgoing;
mod provider;
mod request;
mod response;
mod route;
mod server;
mod service;
mod shown;
mod status;
#[cfg(test)]
mod testing;
mod tls;
mod turn;
mod watched;

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use lattice_client::Client;
use tokio_util::sync::CancellationToken;

pub use config::LISTEN_DEFAULT;
pub use error::Error;
pub use provider::ADDRESS;

use provider::HttpProvider;
use provider_sdk::Caller;
use server::Server;

/// Runs the provider until `shutdown`, or until it can't go on.
///
/// Order at `shutdown`: close the socket; let the requests in flight finish, for at most the
/// default deadline of a call; leave the lattice.
pub async fn run(
    mut options: provider_sdk::Options,
    shutdown: CancellationToken,
) -> Result<(), provider_sdk::Error> {
    let leave = CancellationToken::new();
    let built: OnceLock<Arc<Server<Caller>>> = OnceLock::new();
    let name = options.name.clone();
    let telemetry = options.telemetry.clone();
    let out = options.out.take();
    let build = async |client: Client| {
        let provider = HttpProvider::new(client, out, name, telemetry)?;
        // Built once, so the place is free.
        let _ = built.set(provider.server());
        Ok(provider)
    };
    let mut running = pin!(provider_sdk::run(options, build, leave.clone()));
    tokio::select! {
        ended = running.as_mut() => return ended,
        () = shutdown.cancelled() => {}
    }
    // Requests in flight still need the lattice.
    let drain = async {
        if let Some(server) = built.get() {
            server.stop().await;
        }
        leave.cancel();
    };
    let ((), ended) = tokio::join!(drain, running);
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_can_run_on_a_task_of_its_own() {
        fn is_send(_: impl Send) {}
        let client = lattice_client::Options {
            nats: "nats://127.0.0.1:4222".into(),
            creds: None,
            lattice: Default::default(),
            name: "web".into(),
        };
        let options = provider_sdk::Options::new(client, "web".parse().unwrap());
        is_send(run(options, CancellationToken::new()));
    }
}
