//! Which way a call goes: straight in if the target has room on this host, else to the less loaded
//! of two peers, else to whoever serves the target. A provider that hangs gets none: if another of its
//! processes does not, that one is called, else calls to it fail at once.
//!
//! The caller can't tell which way its call went: deadline, hops, limits and errors are the same.

mod choice;
mod copies;
mod ending;
mod hung;
mod pause;
mod suspects;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lattice_client::{Call, Client, Heard, Reply, rfc3339_ago};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{ActorName, HostId, LatticeId, ProcessId, ProviderName, TargetName};
use lattice_protocol::report::HEARTBEAT_SILENCE_MAX;
use lattice_telemetry::{Calling, Telemetry, Way};
use tokio::task::JoinSet;

use crate::actor::{Actors, WeakActors};
use crate::peers::Peers;
use crate::provider::health::{self, CHECK_DEADLINE, Word};
use crate::provider::inline::{Doors, Out};
use choice::Candidate;
use copies::Copies;
use ending::{is_silence, may_retry, says_nothing_of_it};
use hung::{Hung, Unanswered, Verdict};
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
    hung: Mutex<Hung>,
    /// Questions for the health of providers: they end with the router.
    questions: Mutex<JoinSet<()>>,
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
            hung: Mutex::default(),
            questions: Mutex::default(),
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

    /// The way of calls that an inline provider makes.
    pub fn out(&self) -> Out {
        let router = self.clone();
        Arc::new(move |call, calling| {
            let router = router.clone();
            Box::pin(async move { router.call(call, false, calling).await })
        })
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
        let next = self.next(&call)?;
        calling.goes(next.way());
        let first = match &next {
            Next::Peer(host) => self.call_peer(host, &call).await,
            Next::Process(process) => self.shared.client.call_process(process, call.clone()).await,
            Next::Any => self.call_any(call.clone()).await,
        };
        let chosen = next != Next::Any;
        match first {
            Err(error) if may_retry(&error, chosen, idempotent) && call.streams.are_whole() => {
                let mut again = call;
                again.context.remaining = again.context.remaining.saturating_sub(begun.elapsed());
                calling.goes(Way::Queue);
                self.call_any(again).await
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
        let doors = self.shared.doors.get();
        if let Some(direct) = doors.and_then(|doors| doors.of(call.target.as_str())) {
            return Some(direct(call.clone()).await);
        }
        let actors = self.shared.actors.get()?.upgrade()?;
        // Without NATS there is no way to another host: a busy actor here is worth waiting for.
        let only_way = !self.shared.client.is_connected();
        actors.call_here(call, only_way).await
    }

    async fn call_peer(&self, host: &HostId, call: &Call) -> Result<Reply, CallError> {
        let (shared, peer) = (self.shared.clone(), host.clone());
        let gone = Box::pin(async move { shared.peers.gone(&shared.client, &peer).await });
        let (heard, result) = self.shared.client.call_on(host, call.clone(), gone).await;
        match heard {
            // Whatever it says: what its actor can't do is no fault of the host.
            Heard::Answer => self.suspects().answered(host),
            Heard::Nothing => self.suspects().failed(host, Instant::now()),
            Heard::Unknown => {}
        }
        result
    }

    /// Calls whoever serves the target, and remembers whether anybody did.
    async fn call_any(&self, call: Call) -> Result<Reply, CallError> {
        let target = call.target.clone();
        let unanswered = Unanswered::new(&self.shared.hung, &target);
        let mut answer = pin!(self.shared.client.call(call));
        let result = match tokio::time::timeout(CHECK_DEADLINE, &mut answer).await {
            Ok(result) => result,
            Err(_) => {
                if lock(&self.shared.hung).overdue(&target, Instant::now()) {
                    self.ask(target.clone());
                }
                answer.await
            }
        };
        match &result {
            Err(error) if is_silence(error) => drop(unanswered),
            Err(error) if says_nothing_of_it(error) => unanswered.says_nothing(),
            _ => unanswered.answered(),
        }
        result
    }

    /// Where a call goes that can't stay here, unless its target hangs.
    fn next(&self, call: &Call) -> Result<Next, CallError> {
        if let Some(host) = self.peer(call, Room::Any) {
            return Ok(Next::Peer(host));
        }
        let now = Instant::now();
        let copies = self.copies(&call.target, now);
        if let Copies::Some(well) = &copies
            && let Some(process) = well.get(fastrand::usize(..well.len().max(1)))
        {
            return Ok(Next::Process(process.clone()));
        }
        let Verdict { hung_since, ask } =
            lock(&self.shared.hung).verdict(&call.target, &copies, now);
        if ask {
            self.ask(call.target.clone());
        }
        match hung_since {
            None => Ok(Next::Any),
            Some(since) => Err(hangs(&call.target, now.saturating_duration_since(since))),
        }
    }

    fn copies(&self, target: &TargetName, now: Instant) -> Copies {
        match target.as_str().parse::<ProviderName>() {
            Ok(provider) => {
                let view = self.shared.peers.view();
                // What a host said last holds while it is late: else a pause of the machine would send
                // calls to those that hang.
                let heard = view.listed(now).filter(|(report, silence)| {
                    *silence <= HEARTBEAT_SILENCE_MAX || !view.is_gone(&report.host, now)
                });
                Copies::of(heard, &provider, now)
            }
            Err(_) => Copies::Unknown,
        }
    }

    /// Asks a target for its health, beside the calls.
    fn ask(&self, target: TargetName) {
        let (client, shared) = (self.shared.client.clone(), Arc::downgrade(&self.shared));
        let mut questions = lock(&self.shared.questions);
        while questions.try_join_next().is_some() {}
        questions.spawn(async move {
            let word = health::word_of(&client, target.clone()).await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let now = Instant::now();
            // An actor has a host, which speaks: it is full, and does not hang.
            let is_actor = shared.runs_actor(&target, now);
            let mut hung = lock(&shared.hung);
            match word {
                Word::Silence if !is_actor => hung.silent(&target),
                Word::Unheard => hung.unheard(&target),
                _ => hung.answered(&target, now),
            }
        });
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
        lock(&self.shared.suspects)
    }
}

impl Shared {
    /// Whether a host that is heard runs an actor of that name.
    fn runs_actor(&self, target: &TargetName, now: Instant) -> bool {
        let Ok(actor) = target.as_str().parse::<ActorName>() else {
            return false;
        };
        let view = self.peers.view();
        view.routable(now)
            .any(|report| report.actors.contains_key(&actor))
    }
}

fn lock<T>(books: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics under these locks.
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way of a call that leaves this host.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// To a host that serves the target.
    Peer(HostId),
    /// To a process of a provider of which another one hangs.
    Process(ProcessId),
    /// To whoever serves the target.
    Any,
}

impl Next {
    fn way(&self) -> Way {
        match self {
            Self::Peer(_) | Self::Process(_) => Way::Peer,
            Self::Any => Way::Queue,
        }
    }
}

/// What whoever calls a target that hangs is told.
fn hangs(target: &TargetName, silence: Duration) -> CallError {
    let since = rfc3339_ago(silence);
    let message = format!(
        "{target} hangs: it has not answered since {since}; calls to it are refused until it does"
    );
    CallError::refused(ErrorCode::Unavailable, message)
}

/// Which peers come into question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Any that serves the target.
    Any,
    /// One that would run the call at once.
    Free,
}
