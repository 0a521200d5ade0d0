//! The hosts of the lattice, as this one hears them.
//!
//! Silence says little: the silent host may be gone, or the listener cut off. So two questions have
//! two answers. *Who gets calls from here?* Whoever was heard within `HEARTBEAT_SILENCE_MAX`: a
//! wrong answer costs a detour. *Who counts in the plan?* Whoever was not silent for [`GONE_AFTER`]
//! while this host heard itself: its own heartbeats come back through NATS, and as long as they
//! don't, nobody is judged ([`Standing::Deaf`]).
//!
//! Hosts say what changed, and who missed something asks for the whole: until that comes, what runs there
//! is not known, and nothing is decided by it ([`Picture`](crate::heartbeat::picture::Picture)).

mod departed;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lattice_client::{Client, ControlError, Events, ServeError};
use lattice_protocol::control::{HostAnswer, HostVerb, Nothing};
use lattice_protocol::event::Kind;
use lattice_protocol::heartbeat::Heartbeat;
use lattice_protocol::id::HostId;
use lattice_protocol::report::{HEARTBEAT_INTERVAL, Report};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use departed::Departed;
use view::ASK_AGAIN;
pub use view::{GONE_AFTER, Standing, View};

/// How many hosts are asked at once; the others are asked a little later.
const ASKED_MAX: usize = 64;

/// The hosts of the lattice; clones share what was heard.
#[derive(Clone)]
pub struct Peers {
    view: Arc<Mutex<View>>,
    changed: Arc<Notify>,
    departed: Arc<Mutex<Departed>>,
}

impl Peers {
    /// Nothing heard yet.
    pub fn new(me: HostId) -> Self {
        Self {
            view: Arc::new(Mutex::new(View::new(me))),
            changed: Arc::new(Notify::new()),
            departed: Arc::default(),
        }
    }

    /// What was heard. The guard must not be held over an `await`.
    pub fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a host came, left, or changed what a plan depends on. A host that falls silent
    /// wakes nobody: whoever cares asks again from time to time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns when a host that was heard is gone, or is another process than it was. One that said that
    /// it leaves is heard no more and ends what it has: it is asked whether it is still there.
    pub async fn gone(&self, client: &Client, host: &HostId) {
        let uptime_ms = self.view().uptime_ms(host);
        let mut unheard_since = None;
        loop {
            // First, as nearly every call ends before.
            tokio::time::sleep(HEARTBEAT_INTERVAL).await;
            let now = Instant::now();
            let is_listed = {
                let view = self.view();
                if view.is_gone(host, now) || view.was_restarted(host, uptime_ms) {
                    return;
                }
                view.is_listed(host)
            };
            match is_listed {
                true => unheard_since = None,
                false => {
                    let since = *unheard_since.get_or_insert(now);
                    if self.has_departed(client, host, since).await {
                        return;
                    }
                }
            }
        }
    }

    /// Whether nobody answers for a host that is not heard since then: asked now and then, once for all
    /// the calls that wait for it.
    async fn has_departed(&self, client: &Client, host: &HostId, since: Instant) -> bool {
        let asks = match self.departed().look(host, since, Instant::now()) {
            departed::Look::Gone => return true,
            departed::Look::Wait => false,
            departed::Look::Ask => client.is_connected(),
        };
        if !asks {
            return false;
        }
        let asked = client.control_host::<HostAnswer>(host, HostVerb::Ping, &Nothing {});
        let answer = tokio::time::timeout(departed::ASK_TIME, asked).await;
        let is_gone = matches!(answer, Ok(Err(ControlError::NoHost(_))));
        if is_gone {
            self.departed().gone(host, Instant::now());
        }
        is_gone
    }

    fn departed(&self) -> MutexGuard<'_, Departed> {
        // Nothing panics under this lock.
        self.departed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen; the future then listens until `stop`.
    pub async fn listen(
        &self,
        client: &Client,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + use<>, ServeError> {
        let heartbeats = client.events(Some(Kind::HostHeartbeat)).await?;
        let leavings = client.events(Some(Kind::HostLeft)).await?;
        Ok(self.clone().run(client.clone(), heartbeats, leavings, stop))
    }

    async fn run(
        self,
        client: Client,
        mut heartbeats: Events,
        mut leavings: Events,
        stop: CancellationToken,
    ) {
        let asked = TaskTracker::new();
        loop {
            // Heartbeats first: one that a host sent before it left must not bring it back. Should
            // it all the same, its silence tells.
            let changed = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(event) = heartbeats.next::<Heartbeat>() => {
                    let (heard, host) = self.heard(event.data);
                    if let Some(host) = host.filter(|_| asked.len() < ASKED_MAX) {
                        let ask = ask(client.clone(), host);
                        asked.spawn(stop.clone().run_until_cancelled_owned(ask));
                    }
                    heard
                }
                Some(event) = leavings.next::<Report>() => self.view().left(&event.data, Instant::now()),
                else => break,
            };
            if changed {
                self.changed.notify_one();
            }
        }
        asked.close();
        asked.wait().await;
    }

    /// Whether something changed, and who is to be asked for what is missing.
    fn heard(&self, beat: Heartbeat) -> (bool, Option<HostId>) {
        let host = beat.report.host.clone();
        let taken = self.view().heard(beat, Instant::now());
        (taken.changed, taken.asks.then_some(host))
    }
}

/// Asks a host to say all; its next heartbeat is the answer.
async fn ask(client: Client, host: HostId) {
    let asked = client.control_host::<HostAnswer>(&host, HostVerb::Report, &Nothing {});
    let failed = match tokio::time::timeout(ASK_AGAIN, asked).await {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {ASK_AGAIN:?}"),
    };
    tracing::debug!(%host, failed, "not asked for what runs there: it says it by itself within a minute");
}
