//! The tasks of a host, and the order in which they end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lattice_client::{Client, Serving};
use lattice_protocol::report::{ActorReport, Phase, ProviderReport, Report};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Actors;
use crate::peers::Peers;
use crate::provider::Providers;
use crate::report::Reporter;

/// How long a host that drains waits for others to take its work: longer than a large component
/// takes to compile elsewhere would help nobody who wants to switch the machine off.
const HANDOVER_MAX: Duration = Duration::from_secs(30);
/// How often it looks whether they have: as often as they report.
const HANDOVER_LOOK: Duration = lattice_protocol::report::HEARTBEAT_INTERVAL;

/// What runs in a host.
pub(super) struct Running {
    client: Client,
    peers: Peers,
    reporter: Reporter,
    pub(super) actors: Actors,
    pub(super) providers: Providers,
    pub(super) tokens: Tokens,
    /// Whether `host.left` is out: a drain that is cut short by a stop says it once.
    has_left: AtomicBool,
    announcing: TaskTracker,
    reconciling: TaskTracker,
    answering: TaskTracker,
    listening: TaskTracker,
}

/// Cancellation, a branch for each group of tasks.
pub(super) struct Tokens {
    root: CancellationToken,
    announce: CancellationToken,
    pub(super) reconcile: CancellationToken,
    pub(super) control: CancellationToken,
    pub(super) listen: CancellationToken,
}

impl Tokens {
    fn new() -> Self {
        let root = CancellationToken::new();
        Self {
            announce: root.child_token(),
            reconcile: root.child_token(),
            control: root.child_token(),
            listen: root.child_token(),
            root,
        }
    }
}

/// A host whose start failed half-way leaves nothing behind.
impl Drop for Tokens {
    fn drop(&mut self) {
        self.root.cancel();
    }
}

impl Running {
    pub(super) fn new(
        client: Client,
        peers: Peers,
        reporter: Reporter,
        actors: Actors,
        providers: Providers,
    ) -> Self {
        Self {
            client,
            peers,
            reporter,
            actors,
            providers,
            tokens: Tokens::new(),
            has_left: AtomicBool::new(false),
            announcing: TaskTracker::new(),
            reconciling: TaskTracker::new(),
            answering: TaskTracker::new(),
            listening: TaskTracker::new(),
        }
    }

    pub(super) fn listen(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.listening.spawn(task);
    }

    pub(super) fn control(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.answering.spawn(task);
    }

    pub(super) fn reconcile(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.reconciling.spawn(task);
    }

    /// Answers the calls that peers route here, until the end, and leaves none of them behind: a peer that has not heard yet that
    /// this host leaves is told to go elsewhere.
    pub(super) fn calls(&self, serving: Serving) {
        let (actors, stop) = (self.actors.clone(), self.tokens.listen.clone());
        self.listening
            .spawn(async move { actors.serve_host(serving, stop).await });
    }

    /// Says that this host is there, and goes on saying so.
    pub(super) async fn announce(&self, reporter: Reporter, bytes_max: usize) {
        reporter.joined(bytes_max).await;
        self.announcing
            .spawn(reporter.heartbeat(bytes_max, self.tokens.announce.clone()));
    }

    /// From here on the others plan without this host; what it has, it still serves.
    pub(super) async fn announce_leaving(&self) {
        if !self.has_left.load(Ordering::Acquire) {
            self.say_leaving().await;
        }
        // Also where a stop has cut a drain short: what leads or follows may still be at it.
        ended(&self.reconciling).await;
    }

    async fn say_leaving(&self) {
        // No heartbeat may follow on `host.left`: it would bring this host back.
        self.tokens.announce.cancel();
        ended(&self.announcing).await;
        // Nor may this host lead or follow: the lease is released, so that another plans at once.
        self.tokens.reconcile.cancel();
        self.reporter.left(self.client.max_payload()).await;
        self.has_left.store(true, Ordering::Release);
    }

    /// Waits until every actor and provider of this host runs elsewhere too, if there is an elsewhere.
    pub(super) async fn handed_over(&self) {
        let begin = Instant::now();
        while !self.is_handed_over() {
            if begin.elapsed() > HANDOVER_MAX {
                tracing::warn!(
                    "others have not taken all work in {HANDOVER_MAX:?}: leaving anyway"
                );
                return;
            }
            tokio::time::sleep(HANDOVER_LOOK).await;
        }
    }

    fn is_handed_over(&self) -> bool {
        let own = self.reporter.report();
        let (view, now) = (self.peers.view(), Instant::now());
        let is_other = |peer: &&Report| peer.host != own.host;
        let is_alone = !view.present(now).any(|peer| is_other(&peer));
        is_handed_over(
            &own,
            is_alone,
            &view.known(now).filter(is_other).collect::<Vec<_>>(),
        )
    }

    /// Stops everything, in this order.
    pub(super) async fn stop(&self) {
        // 1. Say that this host leaves, stop leading and following: nothing new is begun here.
        self.announce_leaving().await;
        // 2. Take no more control requests, and answer those that have come.
        self.tokens.control.cancel();
        ended(&self.answering).await;
        // 3. Actors take no more calls and end those they have. Providers still serve them.
        self.actors.shutdown().await;
        // 4. Then the providers stop: nothing here calls them any more.
        self.providers.shutdown().await;
        // 5. Stop listening, and let out what was said.
        self.tokens.root.cancel();
        ended(&self.listening).await;
        self.client.flush().await;
        tracing::info!("left");
    }
}

async fn ended(tasks: &TaskTracker) {
    tasks.close();
    tasks.wait().await;
}

/// Whether each actor and each provider that runs on `own` runs on another host as well, or nobody else
/// is there. A host of which little is known for the moment is there, and may yet take the work.
fn is_handed_over(own: &Report, is_alone: bool, others: &[&Report]) -> bool {
    if is_alone {
        return true;
    }
    let serves = |actor: &ActorReport| actor.phase == Phase::Running && actor.slots > 0;
    let answers = |provider: &ProviderReport| provider.phase == Phase::Running;
    let mut actors = own.actors.iter().filter(|(_, actor)| serves(actor));
    let mut providers = own.providers.iter().filter(|(_, one)| answers(one));
    let elsewhere = |has: &dyn Fn(&Report) -> bool| others.iter().any(|other| has(other));
    actors.all(|(name, _)| elsewhere(&|other| other.actors.get(name).is_some_and(serves)))
        && providers
            .all(|(name, _)| elsewhere(&|other| other.providers.get(name).is_some_and(answers)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::testing::{actor, with_actors, with_provider};

    fn report(host: &str, actors: &[(&str, Phase)]) -> Report {
        let actors = actors.iter().map(|(name, phase)| {
            let phase = phase.clone();
            (name, ActorReport { phase, ..actor(0) })
        });
        with_actors(host, actors)
    }

    #[test]
    fn work_is_handed_over_when_each_actor_runs_elsewhere() {
        let own = report("me", &[("a", Phase::Running), ("b", Phase::Running)]);
        let has_a = report("x", &[("a", Phase::Running), ("b", Phase::Starting)]);
        let has_b = report("y", &[("b", Phase::Running)]);
        assert!(!is_handed_over(&own, false, &[&has_a]));
        assert!(is_handed_over(&own, false, &[&has_a, &has_b]));
    }

    #[test]
    fn a_provider_is_handed_over_when_it_answers_elsewhere() {
        let own = with_provider("me", Phase::Running);
        assert!(!is_handed_over(&own, false, &[&report("x", &[])]));
        assert!(!is_handed_over(
            &own,
            false,
            &[&with_provider("x", Phase::Starting)]
        ));
        assert!(is_handed_over(
            &own,
            false,
            &[&with_provider("x", Phase::Running)]
        ));
    }

    #[test]
    fn the_last_host_waits_for_nobody() {
        let own = report("me", &[("a", Phase::Running)]);
        assert!(is_handed_over(&own, true, &[]));
    }

    #[test]
    fn who_is_there_and_says_too_little_for_the_moment_is_waited_for() {
        let own = report("me", &[("a", Phase::Running)]);
        assert!(!is_handed_over(&own, false, &[]));
    }

    #[test]
    fn what_does_not_run_here_need_not_run_elsewhere() {
        let failed = Phase::Failed {
            reason: "no link".into(),
        };
        let own = report("me", &[("a", failed)]);
        assert!(is_handed_over(&own, false, &[&report("x", &[])]));
    }
}
