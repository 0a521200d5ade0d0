//! Who leads, carried out: watches the lease, takes and renews it, and runs the leader meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lattice_client::{Client, State, StateEntry, StateError, StateWatch};
use lattice_config::state::{self, LEASE_TTL_MS, Lease, key};
use lattice_protocol::id::HostId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::leader::{Leader, Outcome};
use super::lease::{Candidate, Seen, Step};

/// How often a decision is made when nothing is seen: a fraction of the time that matters.
const DECIDE_EVERY: Duration = Duration::from_millis(LEASE_TTL_MS / 10);
/// How long one read or write of the lease may take: after that its outcome is unknown, and the
/// next look tells.
const STORE_TIMEOUT: Duration = Duration::from_millis(LEASE_TTL_MS / 2);

/// The highest epoch that this host knows of; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Known from an earlier life.
    pub fn new(epoch: u64) -> Self {
        Self(Arc::new(AtomicU64::new(epoch)))
    }

    /// The highest so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Takes a higher one in.
    pub fn raise(&self, epoch: u64) {
        self.0.fetch_max(epoch, Ordering::AcqRel);
    }
}

/// A host that would lead.
pub struct Election {
    client: Client,
    state: State,
    candidate: Candidate,
    epoch: Epoch,
    leader: Leader,
    leading: Option<Leading>,
}

/// The leader at work.
struct Leading {
    epoch: u64,
    stop: CancellationToken,
    task: JoinHandle<Outcome>,
}

impl Election {
    /// A candidate; `epoch` is shared with the follower.
    pub fn new(client: Client, state: State, me: HostId, epoch: Epoch, leader: Leader) -> Self {
        let candidate = Candidate::new(me, epoch.get());
        Self {
            client,
            state,
            candidate,
            epoch,
            leader,
            leading: None,
        }
    }

    /// Runs until `stop`, then gives the lease up.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.state.watch(key::LEASE).await {
                Ok(mut watch) => {
                    backoff.reset();
                    self.campaign(&mut watch, &stop).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the lease can't be watched");
                    self.decide().await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(backoff.next()) => self.reopen().await,
            }
        }
        self.end_leading().await;
        self.release().await;
    }

    /// Watches and decides until the watch breaks or `stop`.
    async fn campaign(&mut self, watch: &mut StateWatch, stop: &CancellationToken) {
        let mut tick = tokio::time::interval(DECIDE_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.look().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                entry = watch.next() => match entry {
                    Some(entry) => self.candidate.observe(read(entry), Instant::now()),
                    None => return,
                },
                _ = tick.tick() => {}
            }
            self.decide().await;
        }
    }

    /// Carries out one decision, and starts or ends the leader accordingly.
    async fn decide(&mut self) {
        self.candidate.knows(self.epoch.get());
        match self.candidate.decide(Instant::now()) {
            Step::Wait => {}
            Step::Write { lease, over } => self.write(lease, over).await,
            Step::Resign => {
                tracing::warn!("the lease could not be renewed in time: leading no more");
                self.candidate.conflicted();
                self.look().await;
            }
        }
        self.follow_up().await;
    }

    async fn write(&mut self, lease: Lease, over: u64) {
        let began = Instant::now();
        match in_time(put(&self.state, &lease, over)).await {
            Ok(revision) => {
                self.epoch.raise(lease.epoch);
                self.candidate.written(lease, revision, began);
            }
            Err(StateError::Conflict { .. }) => {
                self.candidate.conflicted();
                self.look().await;
            }
            // Whether it was written is not known: the next look tells.
            Err(error) => {
                tracing::debug!(%error, "the lease could not be written");
                if self.candidate.leads().is_none() {
                    self.look().await;
                }
            }
        }
    }

    /// Reads the lease itself, past the watch, which may be behind.
    async fn look(&mut self) {
        match in_time(self.state.get(key::LEASE)).await {
            Ok(Some(entry)) => self.candidate.observe(read(entry), Instant::now()),
            Ok(None) => self.candidate.observe(
                Seen {
                    revision: 0,
                    lease: None,
                },
                Instant::now(),
            ),
            Err(error) => tracing::debug!(%error, "the lease can't be read"),
        }
    }

    /// Starts or ends the leader so that it runs exactly while the lease is held.
    async fn follow_up(&mut self) {
        if self
            .leading
            .as_ref()
            .is_some_and(|leading| leading.task.is_finished())
        {
            self.end_leading().await;
            self.look().await;
        }
        let epoch = self.candidate.leads();
        if self.leading.as_ref().map(|leading| leading.epoch) == epoch {
            return;
        }
        self.end_leading().await;
        if let Some(epoch) = epoch {
            tracing::info!(epoch, "leading");
            let stop = CancellationToken::new();
            let task = tokio::spawn(self.leader.clone().lead(epoch, stop.clone()));
            self.leading = Some(Leading { epoch, stop, task });
        }
    }

    async fn end_leading(&mut self) {
        let Some(leading) = self.leading.take() else {
            return;
        };
        leading.stop.cancel();
        match leading.task.await {
            Ok(Outcome::Stopped) => tracing::info!(epoch = leading.epoch, "leading no more"),
            Ok(Outcome::Deposed { by }) => {
                tracing::warn!(epoch = leading.epoch, by, "deposed by a later leader");
                self.epoch.raise(by);
                self.candidate.knows(by);
                self.candidate.conflicted();
            }
            Err(error) => {
                tracing::error!(%error, "the leader ended by a fault");
                self.candidate.conflicted();
            }
        }
    }

    async fn release(&mut self) {
        let Some((lease, over)) = self.candidate.release() else {
            return;
        };
        if let Err(error) = in_time(put(&self.state, &lease, over)).await {
            tracing::debug!(%error, "the lease was not released: it runs out by itself");
        }
        self.candidate.resigned();
    }

    /// Opens the state anew: it is made if it is gone.
    async fn reopen(&mut self) {
        match self.client.state().await {
            Ok(state) => self.state = state,
            Err(error) => tracing::debug!(%error, "the state can't be opened"),
        }
    }
}

/// A tombstone or a record that can't be read is no lease, at a revision to write over.
fn read(entry: StateEntry) -> Seen {
    let Some(value) = entry.value else {
        return Seen {
            revision: 0,
            lease: None,
        };
    };
    let lease = state::decode::<Lease>(&value)
        .inspect_err(|error| tracing::error!(%error, "the lease can't be read"))
        .ok();
    Seen {
        revision: entry.revision,
        lease,
    }
}

async fn put(state: &State, lease: &Lease, over: u64) -> Result<u64, StateError> {
    let bytes = state::encode(lease).map_err(|error| StateError::Corrupt {
        key: key::LEASE.to_owned(),
        reason: error.to_string(),
    })?;
    state.put(key::LEASE, bytes.into(), over).await
}

async fn in_time<T>(work: impl Future<Output = Result<T, StateError>>) -> Result<T, StateError> {
    tokio::time::timeout(STORE_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| {
            Err(StateError::Unavailable {
                what: "reach the lease".into(),
                reason: format!("no answer within {STORE_TIMEOUT:?}"),
            })
        })
}
