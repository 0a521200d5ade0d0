//! An election, decided: what was seen, answered and when in, one step out.
//!
//! [`super::lease`] says what to do with the lease; this says when to look at it, and begins
//! and ends the leader so that it works exactly while the lease is held. One thing is asked of the
//! state at a time.

use std::time::{Duration, Instant};

use lattice_client::StateEntry;
use lattice_config::state::{self, LEASE_TTL_MS, Lease, key};
use lattice_protocol::id::HostId;

use super::ask::{Answer, Ask};
use super::leader::Outcome;
use super::lease::{self, Candidate, Seen};

/// The pause between looks at a lease that can't be read: a fraction of the time that matters.
const LOOK_EVERY: Duration = Duration::from_millis(LEASE_TTL_MS / 10);

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something is seen or some time has passed.
    Wait,
    /// Ask this of the state, and [answer](Campaign::answered).
    Ask(Ask),
    /// Lead under this epoch.
    Lead(u64),
    /// End leading, and say [how it ended](Campaign::ended).
    End,
}

/// A host that would lead.
#[derive(Debug)]
pub struct Campaign {
    candidate: Candidate,
    /// Under which epoch the leader works.
    leading: Option<u64>,
    asked: Option<Asked>,
    looked: Option<Instant>,
}

/// What the state was asked, and when.
#[derive(Debug)]
enum Asked {
    Look,
    Write { lease: Lease, began: Instant },
}

impl Campaign {
    /// A host that knows of epochs up to one.
    pub fn new(me: HostId, epoch_known: u64) -> Self {
        Self {
            candidate: Candidate::new(me, epoch_known),
            leading: None,
            asked: None,
            looked: None,
        }
    }

    /// An epoch that others have reached.
    pub fn knows(&mut self, epoch: u64) {
        self.candidate.knows(epoch);
    }

    /// Until when the leader may act without a further confirmation of its lease.
    pub fn leads_until(&self) -> Option<Instant> {
        self.candidate.leads_until()
    }

    /// The watch saw the lease.
    pub fn saw(&mut self, entry: StateEntry, now: Instant) {
        self.candidate.observe(read(Some(entry)), now);
    }

    /// What to do now.
    pub fn step(&mut self, now: Instant) -> Step {
        if self.asked.is_some() {
            return Step::Wait;
        }
        let step = self.candidate.decide(now);
        if step == lease::Step::Resign {
            tracing::warn!("the lease could not be renewed in time: leading no more");
            self.candidate.conflicted();
        }
        let epoch = self.candidate.leads();
        if self.leading != epoch {
            if self.leading.is_some() {
                return Step::End;
            }
            self.leading = epoch;
            return epoch.map_or(Step::Wait, Step::Lead);
        }
        match step {
            _ if self.candidate.is_blind() => self.look(now),
            lease::Step::Write { lease, over } => self.write(lease, over, now),
            lease::Step::Wait | lease::Step::Resign => Step::Wait,
        }
    }

    fn may_look(&self, now: Instant) -> bool {
        let since = |looked| now.saturating_duration_since(looked);
        self.looked.is_none_or(|looked| since(looked) >= LOOK_EVERY)
    }

    fn look(&mut self, now: Instant) -> Step {
        if !self.may_look(now) {
            return Step::Wait;
        }
        self.asked = Some(Asked::Look);
        self.looked = Some(now);
        let key = key::LEASE.to_owned();
        Step::Ask(Ask::Get { key })
    }

    fn write(&mut self, lease: Lease, over: u64, now: Instant) -> Step {
        let Some(ask) = put(&lease, over) else {
            return Step::Wait;
        };
        self.asked = Some(Asked::Write { lease, began: now });
        Step::Ask(ask)
    }

    /// Whether an answer is awaited.
    #[cfg(test)]
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// The state answered what [`Step::Ask`] asked.
    pub fn answered(&mut self, answer: Answer, now: Instant) {
        match (self.asked.take(), answer) {
            (Some(Asked::Look), Answer::Entry(entry)) => {
                self.looked = None;
                self.candidate.observe(read(entry), now);
            }
            (Some(Asked::Write { lease, began }), Answer::Written { revision }) => {
                self.candidate.written(lease, revision, began);
            }
            (Some(Asked::Write { .. }), Answer::Conflict) => self.candidate.lost_sight(),
            (Some(Asked::Write { .. }), Answer::Failed { reason }) => {
                tracing::debug!(reason, "the lease could not be written");
                self.candidate.unsure();
            }
            (_, answer) => tracing::debug!(?answer, "the lease can't be read"),
        }
    }

    /// The leader has ended, by [`Step::End`] or by itself.
    pub fn ended(&mut self, outcome: Outcome) {
        self.leading = None;
        match outcome {
            Outcome::Stopped => {}
            Outcome::Deposed { by } => {
                self.candidate.knows(by);
                self.candidate.conflicted();
            }
            Outcome::Expired | Outcome::Faulted => self.candidate.conflicted(),
        }
    }

    /// What gives the lease up, so that it is free at once; this host leads no more.
    pub fn release(&mut self) -> Option<Ask> {
        let (lease, over) = self.candidate.release()?;
        self.candidate.resigned();
        put(&lease, over)
    }
}

fn put(lease: &Lease, over: u64) -> Option<Ask> {
    let bytes = state::encode(lease)
        .inspect_err(|error| tracing::error!(%error, "the lease can't be written"))
        .ok()?;
    Some(Ask::Put {
        key: key::LEASE.to_owned(),
        value: bytes.into(),
        over,
    })
}

/// A tombstone is no lease, at no revision; a record that can't be read is none at its revision, to
/// be written over.
fn read(entry: Option<StateEntry>) -> Seen {
    let Some((revision, value)) = entry.and_then(|entry| Some((entry.revision, entry.value?)))
    else {
        return Seen {
            revision: 0,
            lease: None,
        };
    };
    let lease = state::decode::<Lease>(&value)
        .inspect_err(|error| tracing::error!(%error, "the lease can't be read"))
        .ok();
    Seen { revision, lease }
}
