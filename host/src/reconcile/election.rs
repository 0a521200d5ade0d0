//! Who leads, carried out: watches the lease, asks and writes what [`Campaign`] decides, and runs the
//! leader meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lattice_client::{Client, State, StateWatch};
use lattice_config::state::{LEASE_TTL_MS, key};
use lattice_protocol::id::HostId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::ask::{Answer, perform};
use super::campaign::{Campaign, Step};
use super::leader::{Leader, Outcome};

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

/// Until when the lease holds, for whoever acts under it; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tenure(Arc<Mutex<Option<Instant>>>);

impl Tenure {
    /// Until when; none if the lease is not held.
    pub fn until(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// A host that would lead.
pub struct Election {
    client: Client,
    state: State,
    campaign: Campaign,
    epoch: Epoch,
    tenure: Tenure,
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
        let campaign = Campaign::new(me, epoch.get());
        Self {
            client,
            state,
            campaign,
            epoch,
            tenure: Tenure::default(),
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
                    self.carry_out().await;
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
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                entry = watch.next() => match entry {
                    Some(entry) => self.campaign.saw(entry, Instant::now()),
                    None => return,
                },
                _ = tick.tick() => {}
            }
            self.carry_out().await;
        }
    }

    /// Does what is decided, until there is nothing left to do.
    async fn carry_out(&mut self) {
        self.campaign.knows(self.epoch.get());
        let has_ended = |leading: &Leading| leading.task.is_finished();
        if self.leading.as_ref().is_some_and(has_ended) {
            self.end_leading().await;
        }
        loop {
            match self.campaign.step(Instant::now()) {
                Step::Wait => return,
                Step::Ask(ask) => {
                    let answer = perform(&self.state, ask, STORE_TIMEOUT).await;
                    let is_unsure = matches!(answer, Answer::Failed { .. });
                    self.campaign.answered(answer, Instant::now());
                    self.tenure.set(self.campaign.leads_until());
                    if is_unsure {
                        // The watch may tell, and the next tick asks again.
                        return;
                    }
                }
                Step::Lead(epoch) => self.lead(epoch),
                Step::End => self.end_leading().await,
            }
        }
    }

    fn lead(&mut self, epoch: u64) {
        tracing::info!(epoch, "leading");
        self.epoch.raise(epoch);
        let stop = CancellationToken::new();
        let leader = self.leader.clone();
        let task = tokio::spawn(leader.lead(epoch, self.tenure.clone(), stop.clone()));
        self.leading = Some(Leading { epoch, stop, task });
    }

    async fn end_leading(&mut self) {
        let Some(leading) = self.leading.take() else {
            return;
        };
        leading.stop.cancel();
        let epoch = leading.epoch;
        let outcome = leading.task.await.unwrap_or_else(|error| {
            tracing::error!(epoch, %error, "the leader ended by a fault");
            Outcome::Faulted
        });
        match outcome {
            Outcome::Deposed { by } => {
                tracing::warn!(epoch, by, "deposed by a later leader");
                self.epoch.raise(by);
            }
            outcome => tracing::info!(epoch, ?outcome, "leading no more"),
        }
        self.campaign.ended(outcome);
        self.tenure.set(self.campaign.leads_until());
    }

    async fn release(&mut self) {
        let Some(ask) = self.campaign.release() else {
            return;
        };
        if let Answer::Failed { reason } = perform(&self.state, ask, STORE_TIMEOUT).await {
            tracing::debug!(reason, "the lease was not released: it runs out by itself");
        }
    }

    /// Opens the state anew: it is made if it is gone.
    async fn reopen(&mut self) {
        match self.client.state().await {
            Ok(state) => self.state = state,
            Err(error) => tracing::debug!(%error, "the state can't be opened"),
        }
    }
}
