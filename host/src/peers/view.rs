//! The hosts as they were heard: what was said in, who counts out. No clock of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lattice_protocol::heartbeat::Heartbeat;
use lattice_protocol::id::HostId;
use lattice_protocol::report::{HEARTBEAT_SILENCE_MAX, Report};

use crate::heartbeat::picture::Picture;

/// How long a host may be silent before its work is given to others: six heartbeats, so that a
/// pause of the machine costs nothing, and short enough that all is restored within 5 s.
pub const GONE_AFTER: Duration = Duration::from_secs(3);
/// How long a silent host is still listed: a person sees that it is missing.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// The most hosts that are kept: twenty times the largest lattice that is aimed at, a few MB.
const HOSTS_MAX: usize = 4_000;
/// How long a host has to say all, before it is asked again: four heartbeats.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A host as it was last heard.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    /// What is known by what it said.
    picture: Picture,
    /// When it said something last, by this machine's monotonic clock.
    at: Instant,
    /// When it was asked to say all, since something is missing.
    asked: Option<Instant>,
}

impl Heard {
    fn report(&self) -> &Report {
        self.picture.report()
    }

    /// Whether it is to be asked for what is missing; not again at once.
    fn asks(&mut self, now: Instant) -> bool {
        if self.picture.is_whole() || self.picture.is_coming() {
            self.asked = None;
            return false;
        }
        let is_due = |at: Instant| now.saturating_duration_since(at) >= ASK_AGAIN;
        let asks = self.asked.is_none_or(is_due);
        if asks {
            self.asked = Some(now);
        }
        asks
    }
}

/// What came of a heartbeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Something changed that a plan depends on.
    pub changed: bool,
    /// Something is missing: the host is to be asked for all of it.
    pub asks: bool,
}

/// Who counts in the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// This host hears itself: these are alive, and whoever is not among them is gone.
    Hearing {
        /// Those alive, with what is known for sure of what runs there.
        alive: BTreeMap<HostId, Arc<Report>>,
        /// For how long without a gap: who was not heard in that time may still be there.
        since: Duration,
    },
    /// This host does not hear itself, so it can't tell who is alive.
    Deaf,
}

/// What was heard, as data: reports in, answers out.
#[derive(Debug)]
pub struct View {
    me: HostId,
    hosts: BTreeMap<HostId, Heard>,
    /// Hosts that said a moment ago that they leave, how old they were, and when they said it.
    leaving: BTreeMap<HostId, (u64, Instant)>,
    /// Since when this host hears itself without a gap.
    hearing_since: Option<Instant>,
}

impl View {
    /// Nothing heard yet.
    pub fn new(me: HostId) -> Self {
        Self {
            me,
            hosts: BTreeMap::new(),
            leaving: BTreeMap::new(),
            hearing_since: None,
        }
    }

    /// Takes a heartbeat in.
    pub fn heard(&mut self, beat: impl Into<Heartbeat>, now: Instant) -> Taken {
        let beat = beat.into();
        if self.is_from_before_it_left(&beat.report, now) || self.is_of_its_predecessor(&beat, now)
        {
            return Taken::default();
        }
        if beat.report.host == self.me && !self.hears_itself(now) {
            // The silence of others while nothing could be heard doesn't count against them.
            self.hearing_since = Some(now);
        }
        self.hosts
            .retain(|_, heard| silence(heard, now) <= FORGOTTEN_AFTER);
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&beat.report.host) {
            return Taken::default();
        }
        let changed = self.hosts.get(&beat.report.host).is_none_or(|before| {
            silence(before, now) > GONE_AFTER
                || before.report().labels != beat.report.labels
                || before.report().capacity != beat.report.capacity
        });
        let asks = self.take(beat, now).asks(now);
        Taken { changed, asks }
    }

    fn take(&mut self, beat: Heartbeat, now: Instant) -> &mut Heard {
        match self.hosts.entry(beat.report.host.clone()) {
            Entry::Occupied(heard) => {
                let heard = heard.into_mut();
                heard.picture.take(beat);
                heard.at = now;
                heard
            }
            Entry::Vacant(first) => first.insert(Heard {
                picture: Picture::of(beat),
                at: now,
                asked: None,
            }),
        }
    }

    /// A host said that it leaves. If it is heard by now from a process that began later, that was
    /// the word of the one before, which came late.
    pub fn left(&mut self, last: &Report, now: Instant) -> bool {
        let age = Duration::from_millis(last.uptime_ms);
        let began_later = |heard: &Heard| {
            let by_now = Duration::from_millis(heard.report().uptime_ms) + silence(heard, now);
            by_now.saturating_add(HEARTBEAT_SILENCE_MAX) < age
        };
        if self.hosts.get(&last.host).is_some_and(began_later) {
            return false;
        }
        let was_there = self.hosts.remove(&last.host).is_some();
        if was_there {
            // Bounded as the hosts are: only those that were among them.
            self.leaving
                .retain(|_, (_, at)| now.saturating_duration_since(*at) <= GONE_AFTER);
            self.leaving
                .insert(last.host.clone(), (last.uptime_ms, now));
        }
        was_there
    }

    /// Whether a report was overtaken by the word that its host leaves: sent shortly before it. The
    /// process after it is younger than that word is old.
    fn is_from_before_it_left(&self, report: &Report, now: Instant) -> bool {
        let uptime = Duration::from_millis(report.uptime_ms);
        self.leaving.get(&report.host).is_some_and(|(age_ms, at)| {
            let since = now.saturating_duration_since(*at);
            let before = Duration::from_millis(*age_ms).checked_sub(uptime);
            let is_shortly_before = before.is_some_and(|before| before <= HEARTBEAT_SILENCE_MAX);
            since <= GONE_AFTER && is_shortly_before && uptime > since
        })
    }

    /// Whether a heartbeat is of a process before the one that is heard: it was on its way for long. When
    /// that one falls silent it is believed all the same.
    fn is_of_its_predecessor(&self, beat: &Heartbeat, now: Instant) -> bool {
        let uptime = Duration::from_millis(beat.report.uptime_ms);
        self.hosts.get(&beat.report.host).is_some_and(|heard| {
            let silence = silence(heard, now);
            let by_now = Duration::from_millis(heard.report().uptime_ms) + silence;
            heard.picture.is_of_another(beat)
                && silence <= HEARTBEAT_SILENCE_MAX
                && by_now.saturating_add(HEARTBEAT_SILENCE_MAX) < uptime
        })
    }

    /// Every host that was heard lately, silent ones included, with how long ago.
    pub fn listed(&self, now: Instant) -> impl Iterator<Item = (&Report, Duration)> {
        self.hosts
            .values()
            .map(move |heard| (heard.report(), silence(heard, now)))
    }

    /// The hosts that were not silent for so long that their work is given to others.
    pub fn present(&self, now: Instant) -> impl Iterator<Item = &Report> {
        self.listed(now)
            .filter(|(_, silence)| *silence <= GONE_AFTER)
            .map(|(report, _)| report)
    }

    /// The hosts that may be sent calls.
    pub fn routable(&self, now: Instant) -> impl Iterator<Item = &Report> {
        let fresh = move |heard: &&Heard| silence(heard, now) <= HEARTBEAT_SILENCE_MAX;
        self.hosts.values().filter(fresh).map(Heard::report)
    }

    /// The same, as far as it is known for sure what runs there.
    pub fn known(&self, now: Instant) -> impl Iterator<Item = &Report> {
        let known = move |heard: &&Heard| {
            heard.picture.is_whole() && silence(heard, now) <= HEARTBEAT_SILENCE_MAX
        };
        self.hosts.values().filter(known).map(Heard::report)
    }

    /// Who counts in the plan.
    pub fn standing(&self, now: Instant) -> Standing {
        let Some(since) = self.hearing_since.filter(|_| self.hears_itself(now)) else {
            return Standing::Deaf;
        };
        let is_alive =
            |heard: &&Heard| now.saturating_duration_since(heard.at.max(since)) <= GONE_AFTER;
        let alive = self.hosts.values().filter(is_alive);
        Standing::Hearing {
            alive: alive
                .map(|heard| (heard.report().host.clone(), heard.picture.evidence()))
                .collect(),
            since: now.saturating_duration_since(since),
        }
    }

    /// Whether the process that had run for `uptime_ms` when it was last asked about was replaced by
    /// another of the same host: a restart, quicker than silence would tell.
    pub fn was_restarted(&self, host: &HostId, uptime_ms: u64) -> bool {
        let heard = self.hosts.get(host);
        heard.is_some_and(|heard| heard.report().uptime_ms < uptime_ms)
    }

    pub(super) fn uptime_ms(&self, host: &HostId) -> u64 {
        let heard = self.hosts.get(host);
        heard.map_or(0, |heard| heard.report().uptime_ms)
    }

    /// Whether a host is among those that were heard lately and did not say that they leave.
    pub(super) fn is_listed(&self, host: &HostId) -> bool {
        self.hosts.contains_key(host)
    }

    /// Whether a host that was heard is gone: those that said so are not, they end what they have.
    pub fn is_gone(&self, host: &HostId, now: Instant) -> bool {
        let Some(since) = self.hearing_since.filter(|_| self.hears_itself(now)) else {
            return false;
        };
        let silent = |heard: &Heard| now.saturating_duration_since(heard.at.max(since));
        let heard = self.hosts.get(host);
        heard.is_some_and(|heard| silent(heard) > GONE_AFTER)
    }

    /// The hosts that were not heard for so long while this host heard itself.
    pub fn silent(&self, now: Instant, for_long: Duration) -> impl Iterator<Item = &Report> {
        let since = self.hearing_since.filter(|_| self.hears_itself(now));
        let is_silent = move |heard: &&Heard| {
            since.is_some_and(|since| now.saturating_duration_since(heard.at.max(since)) > for_long)
        };
        self.hosts.values().filter(is_silent).map(Heard::report)
    }

    #[cfg(test)]
    pub(crate) fn picture(&self, host: &HostId) -> Option<&Picture> {
        Some(&self.hosts.get(host)?.picture)
    }

    fn hears_itself(&self, now: Instant) -> bool {
        self.hosts
            .get(&self.me)
            .is_some_and(|own| silence(own, now) <= HEARTBEAT_SILENCE_MAX)
    }
}

fn silence(heard: &Heard, now: Instant) -> Duration {
    now.saturating_duration_since(heard.at)
}

#[cfg(test)]
#[path = "view_test.rs"]
mod tests;
