//! The leader: computes the plan and writes it as one assignment for each host.
//!
//! Each assignment is written by compare-and-swap over the one that this leader knows, and carries
//! the epoch of its lease. A new leader writes all of them once, so that whatever a deposed one
//! still writes fails.

use std::collections::BTreeMap;
use std::time::Duration;

use lattice_client::{Client, DeclaredWatch, State, StateEntry, StateError};
use lattice_config::plan::{HostView, Plan, plan};
use lattice_config::state::{self, Key, key};
use lattice_config::{Assignment, Declared, Revised};
use lattice_protocol::id::HostId;
use lattice_protocol::report::Report;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::unplaced::Unplaced;
use crate::peers::{GONE_AFTER, Peers, Standing};

/// How often the leader looks whether a host fell silent, and tries again what failed: a fraction
/// of [`GONE_AFTER`]. When nothing changed it costs a comparison.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long the state may take to come, whole: far more than ten thousand apps need.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

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
}

/// What a leader works with; clones are cheap.
#[derive(Clone)]
pub struct Leader {
    client: Client,
    peers: Peers,
}

/// Assignments as they stand; revision 0 where there is none.
type Assigned = BTreeMap<HostId, Revised<Assignment>>;

/// What a plan is made from: as long as it is the same, so is the plan.
#[derive(Debug, Clone, PartialEq)]
struct Ground {
    declared: Declared,
    hosts: Vec<HostView>,
}

/// A leader under one lease.
struct Term {
    epoch: u64,
    state: State,
    assigned: Assigned,
    declared: Declared,
    /// What was planned and written last, whole.
    settled: Option<Ground>,
}

impl Leader {
    /// A leader that plans for the hosts that `peers` hears.
    pub fn new(client: Client, peers: Peers) -> Self {
        Self { client, peers }
    }

    /// Leads until `stop` or until a later leader is found.
    pub async fn lead(self, epoch: u64, stop: CancellationToken) -> Outcome {
        let mut backoff = Backoff::default();
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return Outcome::Stopped,
                ended = self.term(epoch, &mut backoff) => ended,
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

    /// Plans at each change, until the state fails or a later leader is found.
    async fn term(&self, epoch: u64, backoff: &mut Backoff) -> Result<Outcome, StateError> {
        let state = self.client.state().await?;
        let assigned = read_assigned(&state).await?;
        let mut watch = state.watch_declared().await?;
        // The first state must be whole: half of it would look as if the rest had been deleted.
        let declared = caught_up(watch.next()).await?;
        let mut term = Term {
            epoch,
            state,
            assigned,
            declared,
            settled: None,
        };
        loop {
            let ground = self
                .ground(&term)
                .filter(|ground| term.settled.as_ref() != Some(ground));
            if let Some(ground) = ground {
                if let Some(by) = term.settle(ground).await? {
                    return Ok(Outcome::Deposed { by });
                }
                backoff.reset();
            }
            self.change(&mut watch, &mut term.declared).await?;
        }
    }

    /// Waits until there may be something to plan.
    async fn change(
        &self,
        watch: &mut DeclaredWatch,
        declared: &mut Declared,
    ) -> Result<(), StateError> {
        tokio::select! {
            next = watch.next() => *declared = next.ok_or_else(watch_ended)?,
            () = self.peers.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        Ok(())
    }

    /// What to plan from; nothing while too little is known.
    fn ground(&self, term: &Term) -> Option<Ground> {
        let standing = self.peers.view().standing(std::time::Instant::now());
        let hosts = hosts_to_plan_for(standing, &term.assigned)?;
        Some(Ground {
            declared: term.declared.clone(),
            hosts,
        })
    }
}

/// The hosts that a plan is made for, or none while it is too early: a host that had work and was
/// not heard yet may be there all the same, so it gets the time to be heard.
fn hosts_to_plan_for(standing: Standing, assigned: &Assigned) -> Option<Vec<HostView>> {
    let Standing::Hearing { alive, since } = standing else {
        return None;
    };
    let has_work =
        |assigned: &Assignment| !assigned.actors.is_empty() || !assigned.providers.is_empty();
    let is_awaited = |(host, assigned): (&HostId, &Revised<Assignment>)| {
        has_work(&assigned.value) && !alive.contains_key(host)
    };
    if since <= GONE_AFTER && assigned.iter().any(is_awaited) {
        return None;
    }
    Some(alive.into_values().map(view).collect())
}

fn view(report: Report) -> HostView {
    HostView {
        id: report.host,
        labels: report.labels,
        capacity: report.capacity,
        // A host that drains says `host.left` first: it is not among those alive.
        draining: false,
    }
}

impl Term {
    /// Plans and writes; answers the epoch of a later leader if one is found.
    async fn settle(&mut self, ground: Ground) -> Result<Option<u64>, StateError> {
        let previous = self
            .assigned
            .iter()
            .map(|(host, was)| (host.clone(), was.value.clone()));
        let made = plan(
            &ground.declared,
            &ground.hosts,
            &previous.collect(),
            self.epoch,
        );
        let mut is_whole = true;
        for (host, wanted) in &made.assignments {
            match self.assign(host, wanted).await {
                Ok(()) => {}
                Err(StateError::Conflict { .. }) => {
                    if let Some(by) = self.reread(host).await? {
                        return Ok(Some(by));
                    }
                    is_whole = false;
                }
                Err(error) => return Err(error),
            }
        }
        self.tell(&made).await;
        // What met a conflict is planned again at the next look.
        self.settled = is_whole.then_some(ground);
        Ok(None)
    }

    async fn assign(&mut self, host: &HostId, wanted: &Assignment) -> Result<(), StateError> {
        let known = self.assigned.get(host);
        if known.is_some_and(|was| was.value.epoch == self.epoch && was.value.same_work(wanted)) {
            return Ok(());
        }
        let key = key::assignment(host);
        let bytes = state::encode(wanted).map_err(|error| StateError::Corrupt {
            key: key.clone(),
            reason: error.to_string(),
        })?;
        let over = known.map_or(0, |was| was.revision);
        let revision = self.state.put(&key, bytes.into(), over).await?;
        tracing::debug!(%host, epoch = self.epoch, revision, "assigned");
        self.assigned.insert(
            host.clone(),
            Revised {
                revision,
                value: wanted.clone(),
            },
        );
        Ok(())
    }

    /// Looks at an assignment that somebody else wrote; answers the epoch if it is a later one.
    async fn reread(&mut self, host: &HostId) -> Result<Option<u64>, StateError> {
        let entry = self.state.get(&key::assignment(host)).await?;
        self.assigned.remove(host);
        let Some((host, found)) = entry.and_then(read) else {
            return Ok(None);
        };
        let by = found.value.epoch;
        self.assigned.insert(host, found);
        Ok((by > self.epoch).then_some(by))
    }

    async fn tell(&self, plan: &Plan) {
        for unplaced in &plan.unplaced {
            tracing::debug!(name = %unplaced.name, reason = unplaced.reason, "not placed");
        }
        if let Err(error) = Unplaced::of(plan, self.epoch).write(&self.state).await {
            tracing::warn!(%error, "what is not placed can't be told");
        }
    }
}

async fn read_assigned(state: &State) -> Result<Assigned, StateError> {
    // Every key, not just the assignments: the last message of the bucket says that all was seen.
    let mut watch = state.watch(">").await?;
    let mut assigned = Assigned::new();
    while !watch.caught_up() {
        assigned.extend(read(caught_up(watch.next()).await?));
    }
    Ok(assigned)
}

/// The next of a watch that is to catch up.
async fn caught_up<T>(next: impl Future<Output = Option<T>>) -> Result<T, StateError> {
    match tokio::time::timeout(CATCH_UP_MAX, next).await {
        Ok(next) => next.ok_or_else(watch_ended),
        Err(_) => Err(StateError::Unavailable {
            what: "read the state".into(),
            reason: format!("nothing came within {CATCH_UP_MAX:?}"),
        }),
    }
}

fn watch_ended() -> StateError {
    StateError::Unavailable {
        what: "follow the state".into(),
        reason: "the watch ended".into(),
    }
}

/// An assignment that can't be read is written over, so its revision is kept; one that was deleted
/// counts as never written.
fn read(entry: StateEntry) -> Option<(HostId, Revised<Assignment>)> {
    let Some(Key::Assignment(host)) = Key::read(&entry.key) else {
        return None;
    };
    let value = state::decode::<Assignment>(&entry.value?).unwrap_or_else(|error| {
        tracing::error!(%host, %error, "an assignment can't be read and is written anew");
        Assignment::default()
    });
    Some((
        host,
        Revised {
            revision: entry.revision,
            value,
        },
    ))
}

#[cfg(test)]
#[path = "leader_test.rs"]
mod tests;
