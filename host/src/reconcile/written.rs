//! Whose word counts: by which assignment a host says what it says, and who may still write that one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use lattice_protocol::id::HostId;
use lattice_protocol::report::{AssignmentRevision, HEARTBEAT_SILENCE_MAX, Report};

/// How long after its assignment was written the word of a host counts for nothing that does not say
/// which assignment it follows: what it said may be of before, as it says it every half second, and a
/// message may be late.
pub(super) const WORD_AFTER: Duration = HEARTBEAT_SILENCE_MAX;

/// What this leader wrote, and since when each assignment stands.
#[derive(Debug, Default)]
pub struct Written {
    /// Since the last look.
    lately: BTreeSet<HostId>,
    stands: BTreeMap<HostId, Instant>,
    /// Whose assignment this leader wrote: none before it can write that one any more.
    own: BTreeSet<HostId>,
}

impl Written {
    /// This leader wrote the assignment of a host.
    pub fn wrote(&mut self, host: HostId) {
        self.lately.insert(host.clone());
        self.own.insert(host);
    }

    /// Somebody else did.
    pub fn found(&mut self, host: &HostId) {
        self.own.remove(host);
    }

    /// These have an assignment now. Those that this leader found stand from its first look.
    pub fn look<'a>(&mut self, hosts: impl Iterator<Item = &'a HostId>, now: Instant) {
        for host in std::mem::take(&mut self.lately) {
            self.stands.insert(host, now);
        }
        let hosts: BTreeSet<_> = hosts.cloned().collect();
        self.stands.retain(|host, _| hosts.contains(host));
        self.own.retain(|host| hosts.contains(host));
        for host in hosts {
            self.stands.entry(host).or_insert(now);
        }
    }

    /// Whether what a host says of what it runs is said by the assignment that stands, `named`. One that
    /// says which it follows is believed at once if that is the one which this leader wrote: an earlier
    /// word names an earlier one, however late it comes. What stood before may still be replaced by who
    /// wrote it.
    pub fn believes(
        &self,
        report: &Report,
        named: Option<AssignmentRevision>,
        now: Instant,
    ) -> bool {
        let host = &report.host;
        let since = self.stands.get(host);
        let stands = since.is_some_and(|since| now.saturating_duration_since(*since) > WORD_AFTER);
        match report.assignment {
            None => stands,
            followed => followed == named && (stands || self.own.contains(host)),
        }
    }
}
