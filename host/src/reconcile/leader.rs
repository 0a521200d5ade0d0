//! The leader, carried out: what [`Term`] decides is asked of the state.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lattice_client::{Client, DeclaredWatch, State, StateEntry, StateError};
use lattice_config::Declared;
use lattice_protocol::control::{AuditRecord, CHANGES_MAX, REASON_LEN_MAX};
use lattice_protocol::event::Kind;
use lattice_protocol::id::HostId;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Backoff;
use super::ask::{Answer, Ask, perform};
use super::collector::Collector;
use super::election::Tenure;
use super::evict::Evictor;
use super::rollback::Done;
use super::term::{Step, Tag, Term};
use super::unplaced::Unplaced;
use crate::event::Events;
use crate::peers::Peers;

/// How often the leader looks whether a host fell silent, and tries again what failed: a fraction
/// of [`GONE_AFTER`](crate::peers::GONE_AFTER). When nothing changed it costs a comparison.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the state may take to come, whole: far more than ten thousand apps need.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);
/// How long one write may take; its outcome is unknown then, and the term begins anew.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the audit trail may hold up the leader: what it tells is done.
const AUDIT_TIME_MAX: Duration = Duration::from_secs(1);
/// Who changed something, in the audit trail, where nobody asked for it.
const BY_LATTICE: &str = "lattice";

/// How leading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Stopped,
    /// A later leader has written already.
    Deposed {
        /// Its epoch.
        by: u64,
    },
    /// The lease ran out while something was to be done.
    Expired,
    /// By a fault of its own.
    Faulted,
}

/// What a leader works with; clones are cheap.
#[derive(Clone)]
pub struct Leader {
    client: Client,
    host: HostId,
    peers: Peers,
    events: Events,
    evictor: Option<Evictor>,
    collector: Collector,
}

impl Leader {
    /// A leader on `host` that plans for the hosts that `peers` hears, cuts off those that hang if it can,
    /// and has components removed that nothing needs any more.
    pub fn new(
        client: Client,
        host: HostId,
        peers: Peers,
        events: Events,
        evictor: Option<Evictor>,
        collector: Collector,
    ) -> Self {
        Self {
            client,
            host,
            peers,
            events,
            evictor,
            collector,
        }
    }

    /// Leads until `stop`, until the lease runs out, or until a later leader is found.
    pub async fn lead(self, epoch: u64, tenure: Tenure, stop: CancellationToken) -> Outcome {
        let (host, data) = (format!("host/{}", self.host), json!({ "epoch": epoch }));
        self.events.publish(Kind::HostLeads, host, data).await;
        let evictor = self.evictor.clone();
        let _evicting =
            evictor.map(|evictor| AbortOnDropHandle::new(tokio::spawn(evictor.run(stop.clone()))));
        let collecting = self.collector.clone().run(tenure.clone(), stop.clone());
        let _collecting = AbortOnDropHandle::new(tokio::spawn(collecting));
        let mut backoff = Backoff::default();
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return Outcome::Stopped,
                ended = self.term(epoch, &tenure, &mut backoff) => ended,
            };
            match ended {
                Ok(outcome) => return outcome,
                Err(error) => tracing::warn!(%error, "the leader can't reach the state"),
            }
            tokio::select! {
                () = stop.cancelled() => return Outcome::Stopped,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Plans at each change, until the state fails or this host leads no more.
    async fn term(
        &self,
        epoch: u64,
        tenure: &Tenure,
        backoff: &mut Backoff,
    ) -> Result<Outcome, StateError> {
        let state = self.client.state().await?;
        let entries = read_all(&state).await?;
        let mut watch = state.watch_declared().await?;
        // The first state must be whole: half of it would look as if the rest had been deleted.
        let declared = caught_up(watch.next()).await?;
        let mut term = Term::new(epoch, entries, declared);
        loop {
            term = self.look(term).await?;
            if let Some(outcome) = self.carry_out(&mut term, &state, tenure).await? {
                return Ok(outcome);
            }
            backoff.reset();
            if let Some(declared) = self.change(&mut watch).await? {
                term.declares(declared);
            }
        }
    }

    /// Planning for many hosts takes a while, in which this thread has other things to do.
    async fn look(&self, mut term: Term) -> Result<Term, StateError> {
        let standing = self.peers.view().standing(Instant::now());
        let looked = tokio::task::spawn_blocking(move || {
            term.look(standing, Instant::now());
            term
        });
        looked
            .await
            .map_err(|error| unavailable("plan", error.to_string()))
    }

    /// Waits until there may be something to plan.
    async fn change(&self, watch: &mut DeclaredWatch) -> Result<Option<Declared>, StateError> {
        tokio::select! {
            next = watch.next() => next.map(Some).ok_or_else(watch_ended),
            () = self.peers.changed() => Ok(None),
            () = tokio::time::sleep(LOOK_EVERY) => Ok(None),
        }
    }

    /// Does what the term decides until it rests; answers how it ended, if it did.
    async fn carry_out(
        &self,
        term: &mut Term,
        state: &State,
        tenure: &Tenure,
    ) -> Result<Option<Outcome>, StateError> {
        let mut asked = FuturesUnordered::new();
        loop {
            let ended = match term.step(Instant::now(), tenure.until()) {
                Step::Ask(tag, ask) => {
                    asked.push(ask_tagged(state, tag, ask));
                    continue;
                }
                Step::Tell(unplaced) => {
                    tell(&unplaced, state).await;
                    continue;
                }
                Step::RolledBack(done) => {
                    self.tell_back(done).await;
                    continue;
                }
                Step::Rest => Ok(None),
                Step::Deposed { by } => Ok(Some(Outcome::Deposed { by })),
                Step::Expired => Ok(Some(Outcome::Expired)),
                Step::Broken(reason) => Err(unavailable("write the state", reason)),
            };
            // What is on its way is waited for, also at the end: nothing is left behind.
            match asked.next().await {
                Some((tag, answer)) => term.answered(&tag, answer),
                None => return ended,
            }
        }
    }

    /// Nobody asked for a roll-back, so it is told wherever a change is told that somebody asked for.
    async fn tell_back(&self, Done { applied, why }: Done) {
        let reasons = why.refused.iter();
        let reasons: Vec<_> = reasons
            .map(|(actor, refused)| format!("actor {actor} can't be started: {}", refused.reason))
            .collect();
        let (app, revision, reason) = (applied.app.clone(), applied.revision, reasons.join("; "));
        tracing::warn!(%app, revision, from = why.from, to = why.to, reason, "rolled back");
        let about = format!("app/{app}");
        let data = json!({
            "app": app,
            "revision": revision,
            "changes": applied.changes,
            "rolled_back": why,
        });
        self.events
            .publish(Kind::AppRolledBack, about.clone(), data)
            .await;
        let record = AuditRecord {
            verb: "app.rollback".to_owned(),
            by: Some(BY_LATTICE.to_owned()),
            host: self.host.clone(),
            about: about.clone(),
            revision: Some(revision),
            changes: applied.changes.into_iter().take(CHANGES_MAX).collect(),
            code: None,
            reason: Some(reason[..reason.floor_char_boundary(REASON_LEN_MAX)].to_owned()),
        };
        let event = self.events.event(Kind::AuditChanged, about, record);
        let audit = self.client.audit(Kind::AuditChanged, &event);
        if !matches!(
            tokio::time::timeout(AUDIT_TIME_MAX, audit).await,
            Ok(Ok(()))
        ) {
            tracing::warn!(target: "audit", record = ?event.data, "not kept");
        }
    }
}

async fn ask_tagged(state: &State, tag: Tag, ask: Ask) -> (Tag, Answer) {
    (tag, perform(state, ask, ASK_TIMEOUT).await)
}

async fn tell(unplaced: &Unplaced, state: &State) {
    for (name, reason) in &unplaced.reasons {
        tracing::debug!(%name, reason, "not placed");
    }
    if let Err(error) = unplaced.write(state).await {
        tracing::warn!(%error, "what is not placed can't be told");
    }
}

/// The state as it stands.
async fn read_all(state: &State) -> Result<Vec<StateEntry>, StateError> {
    // Every key, not just the assignments: the last message of the bucket says that all was seen.
    let mut watch = state.watch(">").await?;
    let mut entries = Vec::new();
    while !watch.caught_up() {
        entries.push(caught_up(watch.next()).await?);
    }
    Ok(entries)
}

/// The next of a watch that is to catch up.
async fn caught_up<T>(next: impl Future<Output = Option<T>>) -> Result<T, StateError> {
    match tokio::time::timeout(CATCH_UP_MAX, next).await {
        Ok(next) => next.ok_or_else(watch_ended),
        Err(_) => {
            let reason = format!("nothing came within {CATCH_UP_MAX:?}");
            Err(unavailable("read the state", reason))
        }
    }
}

fn watch_ended() -> StateError {
    unavailable("follow the state", "the watch ended".to_owned())
}

fn unavailable(what: &str, reason: String) -> StateError {
    StateError::Unavailable {
        what: what.to_owned(),
        reason,
    }
}
