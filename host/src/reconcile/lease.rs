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
    /// A write met a conflict: what is seen next tells whether the lease is held still.
    is_doubted: bool,
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
            is_doubted: false,
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

    /// Until when this host may lead by what it knows: no confirmation since then, no leading.
    pub fn leads_until(&self) -> Option<Instant> {
        let ttl = |held: &Held| Duration::from_millis(held.lease.ttl_ms);
        self.held.as_ref().map(|held| held.since + ttl(held))
    }

    /// Whether the lease must be looked at before anything can be decided.
    pub fn is_blind(&self) -> bool {
        self.seen.is_none()
    }

    /// Takes in the lease as it stands. One that was seen already changes nothing: that is no sign
    /// of life. The revision alone doesn't tell, as a store that was made anew counts from one.
    pub fn observe(&mut self, seen: Seen, now: Instant) {
        self.knows(seen.lease.as_ref().map_or(0, |lease| lease.epoch));
        if self
            .seen
            .as_ref()
            .is_some_and(|(before, _)| *before == seen)
        {
            return;
        }
        let is_doubted = std::mem::take(&mut self.is_doubted);
        if let Some(held) = &mut self.held {
            match &seen.lease {
                // A renewal of which the confirmation was lost. When it was written is not known, so
                // it prolongs nothing; but the next one is written over it.
                Some(lease) if held.is_renewed_by(lease) => {
                    held.lease = lease.clone();
                    held.revision = seen.revision;
                }
                Some(lease) if held.is(lease) => {}
                // Another host wrote after this one: it leads now.
                _ if is_doubted || seen.revision > held.revision => self.held = None,
                _ => {}
            }
        }
        self.seen = Some((seen, now));
    }

    /// The store confirmed what [`Step::Write`] said; `began` is when the write began.
    pub fn written(&mut self, lease: Lease, revision: u64, began: Instant) {
        self.knows(lease.epoch);
        let is_mine = |lease: &Lease| lease.holder == self.me;
        if let Some((seen, _)) = &self.seen
            && seen.revision > revision
            && !seen.lease.as_ref().is_some_and(is_mine)
        {
            // The confirmation came late: another host has written over it since.
            self.held = None;
            return;
        }
        let seen = Seen {
            revision,
            lease: Some(lease.clone()),
        };
        self.seen = Some((seen, began));
        self.held = Some(Held {
            lease,
            revision,
            since: began,
        });
    }

    /// A write met a conflict: somebody else was first, or an earlier write of this host of which it
    /// never heard. The next look tells.
    pub fn lost_sight(&mut self) {
        self.is_doubted = true;
        self.seen = None;
    }

    /// Whether a write was done is not known: what was seen may be out of date.
    pub fn unsure(&mut self) {
        self.seen = None;
    }

    /// This host leads no more, and has to look before it tries again.
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
            // This host's own, from before it resigned or started anew: nobody else leads by it.
            Some(lease) if lease.holder == self.me => true,
            // A store that was restored is behind what hosts know: its leader is ignored by them.
            Some(lease) if lease.epoch < self.epoch_known => true,
            Some(lease) => unchanged >= Duration::from_millis(lease.ttl_ms).min(TTL_MAX),
        };
        if !is_free {
            return Step::Wait;
        }
        // What was seen is known as well.
        let lease = Lease::take(self.me.clone(), self.epoch_known);
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

impl Held {
    fn is(&self, lease: &Lease) -> bool {
        lease.holder == self.lease.holder && lease.epoch == self.lease.epoch
    }

    fn is_renewed_by(&self, lease: &Lease) -> bool {
        self.is(lease) && lease.renewals > self.lease.renewals
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
