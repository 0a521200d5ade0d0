//! Which way a call goes: straight in if the target has room on this host, else to the less loaded
//! of two peers, else to whoever serves the target.
//!
//! The caller can't tell which way its call went: deadline, hops, limits and errors are the same.

mod choice;
mod suspects;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use lattice_client::{Call, Client, Reply};
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_protocol::id::{ActorName, HostId, LatticeId};
use lattice_telemetry::{Calling, Telemetry, Way};

use crate::actor::{Actors, WeakActors};
use crate::peers::Peers;
use crate::provider::inline::Doors;
use choice::Candidate;
use suspects::Suspects;

/// The ways out of this host; clones share them.
#[derive(Clone)]
pub struct Router {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    me: HostId,
    peers: Peers,
    telemetry: Telemetry,
    suspects: Mutex<Suspects>,
    /// Set once the actors are there: they need a router before.
    actors: OnceLock<WeakActors>,
    /// The ways into providers of this process, likewise.
    doors: OnceLock<Doors>,
}

impl Router {
    /// A router that knows the peers, and no actors of its own host yet.
    pub fn new(client: Client, me: HostId, peers: Peers) -> Self {
        Self::shown(client, me, peers, Telemetry::off())
    }

    /// The same, and shows what goes through it.
    pub fn shown(client: Client, me: HostId, peers: Peers, telemetry: Telemetry) -> Self {
        let shared = Shared {
            client,
            me,
            peers,
            telemetry,
            suspects: Mutex::default(),
            actors: OnceLock::new(),
            doors: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Where calls are shown.
    pub fn telemetry(&self) -> &Telemetry {
        &self.shared.telemetry
    }

    /// The lattice.
    pub fn lattice(&self) -> &LatticeId {
        self.shared.client.lattice()
    }

    /// Lets calls go straight into this host's actors.
    pub fn attach(&self, actors: &Actors) {
        // A second time is the same actors again.
        let _ = self.shared.actors.set(actors.downgrade());
    }

    /// Lets calls go straight into this host's inline providers.
    pub fn open(&self, doors: &Doors) {
        let _ = self.shared.doors.set(doors.clone());
    }

    /// Makes a call by the best way. One that was certainly not executed is sent once more, another
    /// way; one that may have been, only if that is `idempotent`.
    pub async fn call(
        &self,
        call: Call,
        idempotent: bool,
        calling: &mut Calling<'_>,
    ) -> Result<Reply, CallError> {
        if let Some(result) = self.call_here(&call).await {
            calling.goes(Way::Local);
            return result;
        }
        // Boxed: a call that stays here has no room to carry for the way over NATS.
        Box::pin(self.call_away(call, idempotent, calling)).await
    }

    async fn call_away(
        &self,
        call: Call,
        idempotent: bool,
        calling: &mut Calling<'_>,
    ) -> Result<Reply, CallError> {
        let begun = Instant::now();
        let peer = self.peer(&call, Room::Any);
        calling.goes(peer.as_ref().map_or(Way::Queue, |_| Way::Peer));
        let first = match &peer {
            Some(host) => self.call_peer(host, &call).await,
            None => self.shared.client.call(call.clone()).await,
        };
        match first {
            Err(error)
                if may_retry(&error, peer.is_some(), idempotent) && call.streams.are_whole() =>
            {
                let mut again = call;
                again.context.remaining = again.context.remaining.saturating_sub(begun.elapsed());
                calling.goes(Way::Queue);
                self.shared.client.call(again).await
            }
            result => result,
        }
    }

    /// Sends a call that this host has no room for to a peer that has; `None` if there is none.
    pub async fn forward(&self, call: &Call) -> Option<Result<Reply, CallError>> {
        let host = self.peer(call, Room::Free)?;
        Some(self.call_peer(&host, call).await)
    }

    async fn call_here(&self, call: &Call) -> Option<Result<Reply, CallError>> {
        // Streams travel in frames, and those over NATS.
        let door = self.shared.doors.get().filter(|_| call.streams.is_empty());
        if let Some(direct) = door.and_then(|doors| doors.of(call.target.as_str())) {
            return Some(direct(call.clone()).await);
        }
        let actors = self.shared.actors.get()?.upgrade()?;
        // Without NATS there is no way to another host: a busy actor here is worth waiting for.
        let only_way = !self.shared.client.is_connected();
        actors.call_here(call, only_way).await
    }

    async fn call_peer(&self, host: &HostId, call: &Call) -> Result<Reply, CallError> {
        let (peers, peer) = (self.shared.peers.clone(), host.clone());
        let gone = async move { peers.gone(&peer).await };
        let result = self.shared.client.call_on(host, call.clone(), gone).await;
        let mut suspects = self.suspects();
        match &result {
            Err(error) if is_silence(error) => suspects.failed(host, Instant::now()),
            _ => suspects.answered(host),
        }
        result
    }

    /// A peer that serves the target.
    fn peer(&self, call: &Call, room: Room) -> Option<HostId> {
        let actor: ActorName = call.target.as_str().parse().ok()?;
        let now = Instant::now();
        let candidates: Vec<_> = {
            let view = self.shared.peers.view();
            let suspects = self.suspects();
            view.routable(now)
                .filter(|report| report.host != self.shared.me)
                .filter(|report| !suspects.is_out(&report.host, now))
                .filter_map(|report| Candidate::of(report, &actor))
                .filter(|candidate| room == Room::Any || !candidate.is_full())
                .collect()
        };
        choice::choose(&candidates, |below| fastrand::usize(..below)).map(|peer| peer.host.clone())
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        // Nothing panics under this lock.
        self.shared
            .suspects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which peers come into question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Any that serves the target.
    Any,
    /// One that would run the call at once.
    Free,
}

/// Whether another try may do better, without doing work twice that must not be. Whoever refused
/// without having begun speaks for one host if that was `chosen`, else for all of them.
fn may_retry(error: &CallError, chosen: bool, idempotent: bool) -> bool {
    let elsewhere = matches!(error.code, ErrorCode::Unavailable | ErrorCode::Overloaded);
    elsewhere
        && match error.executed {
            Executed::No => chosen,
            Executed::Maybe => idempotent,
        }
}

/// Whether the host said nothing at all, as opposed to saying no.
fn is_silence(error: &CallError) -> bool {
    matches!(error.code, ErrorCode::Unavailable | ErrorCode::Deadline)
        && error.executed == Executed::Maybe
        || error.code == ErrorCode::Unavailable
}
