//! Who leads, as a decision: what was seen and when in, one step out.
//!
//! The lease is one record, changed by compare-and-swap. Its holder renews it; whoever sees it
//! unchanged for its time, by a clock of its own, may take it, with the next epoch. Nothing here
//! depends on two clocks agreeing: the store decides who was first, and the epoch in every
//! assignment fences whoever believes to lead still.

use std::time::{Duration, Instant};

use lattice_config::state::{LEASE_TTL_MS, Lease};
use lattice_protocol::id::HostId;

/// How often the holder renews: two renewals may be lost before another takes the lease.
pub const RENEW_EVERY: Duration = Duration::from_millis(LEASE_TTL_MS / 3);
/// The most that a lease is waited for, whatever it says: one that was damaged must not leave a
/// lattice without a leader.
const TTL_MAX: Duration = Duration::from_secs(30);

/// The lease as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What a write must name; 0 when there is no lease.
    pub revision: u64,
    /// The lease; none when there is none, or none that can be read.
    pub lease: Option<Lease>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: another host leads, or the lease was renewed just now.
    Wait,
    /// Write this lease over that revision; success makes or keeps this host the leader.
    Write {
        /// The lease.
        lease: Lease,
        /// Over which revision.
        over: u64,
    },
    /// Stop leading: the lease could not be renewed in its time, and another may have it.
    Resign,
}

/// A host that would lead.
#[derive(Debug)]
pub struct Candidate {
    me: HostId,
    /// The lease, and since when it has not changed.
    seen: Option<(Seen, Instant)>,
    /// The lease that this host holds, since the write before last was confirmed.
    held: Option<Held>,
    /// The highest epoch that this host knows of.
    epoch_known: u64,
}

#[derive(Debug)]
struct Held {
    lease: Lease,
    revision: u64,
    /// When the write that was confirmed last began.
    since: Instant,
}

impl Candidate {
    /// A host that knows of leases up to an epoch.
    pub fn new(me: HostId, epoch_known: u64) -> Self {
        Self {
            me,
            seen: None,
            held: None,
            epoch_known,
        }
    }

    /// The epoch under which this host leads.
    pub fn leads(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.lease.epoch)
    }

    /// An assignment or a lease of this epoch exists.
    pub fn knows(&mut self, epoch: u64) {
        self.epoch_known = self.epoch_known.max(epoch);
    }

    /// Takes in the lease as it stands. An older state of it, or one already seen, changes nothing.
    pub fn observe(&mut self, seen: Seen, now: Instant) {
        self.knows(seen.lease.as_ref().map_or(0, |lease| lease.epoch));
        if self
            .seen
            .as_ref()
            .is_some_and(|(before, _)| before.revision == seen.revision)
        {
            return;
        }
        let is_later = |held: &Held| seen.revision > held.revision;
        let is_mine = |lease: &Lease| lease.holder == self.me;
        if self.held.as_ref().is_some_and(is_later) && !seen.lease.as_ref().is_some_and(is_mine) {
            // Another host wrote after this one: it leads now.
            self.held = None;
        }
        self.seen = Some((seen, now));
    }

    /// The store confirmed what [`Step::Write`] said; `began` is when the write began.
    pub fn written(&mut self, lease: Lease, revision: u64, began: Instant) {
        self.knows(lease.epoch);
        self.seen = Some((
            Seen {
                revision,
                lease: Some(lease.clone()),
            },
            began,
        ));
        self.held = Some(Held {
            lease,
            revision,
            since: began,
        });
    }

    /// Somebody else wrote first: what was seen is out of date, and whoever led leads no more.
    pub fn conflicted(&mut self) {
        self.held = None;
        self.seen = None;
    }

    /// This host gave the lease up.
    pub fn resigned(&mut self) {
        self.held = None;
    }

    /// What to do now.
    pub fn decide(&self, now: Instant) -> Step {
        match (&self.held, &self.seen) {
            (Some(held), _) => renew(held, now),
            // Nothing is taken that was not looked at.
            (None, None) => Step::Wait,
            (None, Some((seen, since))) => {
                let unchanged = now.saturating_duration_since(*since);
                self.challenge(seen, unchanged)
            }
        }
    }

    fn challenge(&self, seen: &Seen, unchanged: Duration) -> Step {
        let is_free = match &seen.lease {
            // No lease was ever written, or it can't be read: then nobody can renew it either.
            None => seen.revision == 0 || unchanged >= Duration::from_millis(LEASE_TTL_MS),
            // A store that was restored is behind what hosts know: its leader is ignored by them.
            Some(lease) if lease.epoch < self.epoch_known => true,
            Some(lease) => unchanged >= Duration::from_millis(lease.ttl_ms).min(TTL_MAX),
        };
        if !is_free {
            return Step::Wait;
        }
        let mut lease = Lease::take(self.me.clone(), seen.lease.as_ref());
        lease.epoch = lease.epoch.max(self.epoch_known.saturating_add(1));
        Step::Write {
            lease,
            over: seen.revision,
        }
    }

    /// The write that gives the lease up, if this host holds it: it is free at once.
    pub fn release(&self) -> Option<(Lease, u64)> {
        let held = self.held.as_ref()?;
        Some((
            Lease {
                ttl_ms: 0,
                ..held.lease.renewed()
            },
            held.revision,
        ))
    }
}

fn renew(held: &Held, now: Instant) -> Step {
    let age = now.saturating_duration_since(held.since);
    if age >= Duration::from_millis(held.lease.ttl_ms) {
        return Step::Resign;
    }
    if age >= RENEW_EVERY {
        return Step::Write {
            lease: held.lease.renewed(),
            over: held.revision,
        };
    }
    Step::Wait
}

#[cfg(test)]
#[path = "lease_test.rs"]
mod tests;
