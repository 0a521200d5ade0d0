//! Places and connections for requests.
//!
//! Each request has one place of all and one of its host's until its bodies have ended. An HTTP/1.1
//! connection is one request's at a time, so the places of a host bound its connections as well; an
//! HTTP/2 connection is shared by all who may connect to its address.

use std::sync::Arc;
use std::time::Duration;

use lattice_protocol::standard::http::OutgoingError as Fault;
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::config::Limits;
use super::connect::{Connection, Dialer, Speaks};
use super::destination::{Destination, Scheme};
use super::hosts::{Hosts, Stay};
use super::policy::Policy;
use super::upload::Watch;

/// How often an idle period is looked at: what is kept is closed a fourth later at the latest.
const LAPS: u32 = 4;

/// Where requests get their connections from.
pub(super) struct Pool {
    hosts: Arc<Hosts>,
    all: Arc<Semaphore>,
    dialer: Dialer,
    /// Ends with it.
    _sweeper: AbortOnDropHandle<()>,
}

/// A request's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) stay: Stay,
    _one: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// A request's place with its connection; dropping it closes an HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) connection: Connection,
    pub(super) place: Place,
}

impl Pool {
    pub(super) fn new(limits: &Limits, tls: Arc<ClientConfig>) -> Self {
        let hosts = Arc::new(Hosts::new(limits.requests_per_host_max, limits.idle_max));
        let sweeper = tokio::spawn(sweep(hosts.clone(), limits.idle_timeout));
        Self {
            hosts,
            all: Arc::new(Semaphore::new(limits.requests_max)),
            dialer: Dialer::new(limits.clone(), tls),
            _sweeper: AbortOnDropHandle::new(sweeper),
        }
    }

    /// A place for one request: at once, or, where only its host has none, by `deadline`.
    pub(super) async fn place(&self, to: Destination, deadline: Instant) -> Result<Place, Fault> {
        let full = || Fault::ConnectionLimitReached;
        let all = self.all.clone().try_acquire_owned().map_err(|_| full())?;
        let stay = self.hosts.enter(to);
        let one = timeout_at(deadline, stay.doors.places.clone().acquire_owned()).await;
        Ok(Place {
            stay,
            // Never closed.
            _one: one.map_err(|_| full())?.map_err(|_| full())?,
            _all: all,
        })
    }

    /// A connection, kept or new, to an address that `policy` permits.
    pub(super) async fn connection(
        &self,
        place: &Place,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Connection, Fault> {
        let stay = &place.stay;
        if let Some(kept) = stay.take(policy) {
            return Ok(kept);
        }
        if stay.to.scheme == Scheme::Http || stay.speaks_http1() {
            return self.make(stay, policy, deadline).await;
        }
        let opening = timeout_at(deadline, stay.doors.opening.lock()).await;
        let opening = opening.map_err(|_| Fault::ConnectionTimeout)?;
        // Whoever had the turn before may have made one that can be shared.
        if let Some(kept) = stay.take(policy) {
            return Ok(kept);
        }
        let _opening = (!stay.speaks_http1()).then_some(opening);
        self.make(stay, policy, deadline).await
    }

    async fn make(
        &self,
        stay: &Stay,
        policy: &Policy,
        deadline: Instant,
    ) -> Result<Connection, Fault> {
        let made = self.dialer.connect(&stay.to, policy, deadline).await?;
        stay.made(&made);
        Ok(made)
    }
}

impl Lease {
    /// The response is over: the connection is kept once the request is over as well.
    pub(super) async fn settle(mut self, watch: &Watch, patience: Duration) {
        if let Speaks::Http1(sender, _) = &mut self.connection.speaks {
            let ready = tokio::select! {
                ready = sender.ready() => ready.is_ok(),
                () = watch.silence(patience) => false,
            };
            if !ready {
                return;
            }
        }
        self.place.stay.give_back(self.connection);
    }

    /// The same, if it can be done at once.
    pub(super) fn settled(self) -> Option<Self> {
        let ready = match &self.connection.speaks {
            Speaks::Http1(sender, _) => sender.is_ready(),
            Speaks::Http2(..) => true,
        };
        if ready {
            self.place.stay.give_back(self.connection);
            return None;
        }
        Some(self)
    }
}

async fn sweep(hosts: Arc<Hosts>, idle_timeout: Duration) {
    let mut laps = tokio::time::interval(idle_timeout / LAPS);
    laps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        laps.tick().await;
        hosts.sweep(idle_timeout);
    }
}
