//! A leader under one lease, decided: the state and who is alive in, writes out.
//!
//! Each assignment is written by compare-and-swap over the one that this leader knows, and carries
//! the epoch of its lease. A new leader writes all of them once, those of hosts that are away too, so
//! that whatever a deposed one still writes fails. What moves is held where it was until others serve
//! it ([`hand_over`]). What nobody needs any more is collected: parts that no head names, and the
//! assignments of hosts that stay away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lattice_client::StateEntry;
use lattice_config::plan::{HostView, Plan, Word, hand_over, held, plan};
use lattice_config::state::key;
use lattice_config::{Assignment, Declared};
use lattice_protocol::id::{HostId, TargetName};
use lattice_protocol::report::Report;

use super::ask::{Answer, Ask};
use super::assigned::{Assigned, Found};
use super::rollback::Rollbacks;
use super::said::{view, word};
pub use super::step::{Step, Tag};
use super::unplaced::Unplaced;
use super::writing::{Done, Writing};
use super::written::Written;
use crate::peers::{GONE_AFTER, Standing};

/// How many assignments are written at once: a store that writes to disk each time takes some
/// milliseconds for one, and two hundred hosts must not wait for each other.
pub const WRITES_AT_ONCE: usize = 16;
/// How long a thing is held for hosts of which not all serve it yet; then one that serves is enough.
/// As long as a host that drains waits.
const HELD_MAX: Duration = Duration::from_secs(30);
/// How long a host may be away before its assignment is collected: a machine that was started anew
/// finds its own.
const COLLECT_AFTER: Duration = Duration::from_secs(600);

/// A leader under one lease.
pub struct Term {
    epoch: u64,
    declared: Declared,
    assigned: Assigned,
    /// What is planned, and for which hosts; none when it must be made anew.
    planned: Option<(Plan, Vec<HostView>)>,
    /// What stays where it was until others serve it, and since when.
    held: BTreeMap<TargetName, Instant>,
    written: Written,
    /// Hosts that have an assignment and are not there.
    absent: BTreeMap<HostId, Instant>,
    queue: VecDeque<(HostId, Assignment)>,
    writing: BTreeMap<HostId, Writing>,
    collect: VecDeque<(Tag, Ask)>,
    collecting: BTreeSet<Tag>,
    tell: Option<Unplaced>,
    rollbacks: Rollbacks,
    end: Option<Step>,
}

impl Term {
    /// A term over the state as it stands; `entries` is all of it but the apps.
    pub fn new(epoch: u64, entries: Vec<StateEntry>, declared: Declared) -> Self {
        let assigned = Assigned::read(entries);
        let by = assigned.epoch();
        Self {
            epoch,
            declared,
            assigned,
            planned: None,
            held: BTreeMap::new(),
            written: Written::default(),
            absent: BTreeMap::new(),
            queue: VecDeque::new(),
            writing: BTreeMap::new(),
            collect: VecDeque::new(),
            collecting: BTreeSet::new(),
            tell: None,
            rollbacks: Rollbacks::default(),
            // Hosts that follow a later leader would ignore this one.
            end: (by > epoch).then_some(Step::Deposed { by }),
        }
    }

    /// What is declared has changed.
    pub fn declares(&mut self, declared: Declared) {
        self.declared = declared;
        self.planned = None;
    }

    /// What is declared, as far as this leader knows.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The hosts of the plan that stands.
    pub fn planned_for(&self) -> Option<impl Iterator<Item = &HostId>> {
        let (_, hosts) = self.planned.as_ref()?;
        Some(hosts.iter().map(|host| &host.id))
    }

    /// Looks at who is there, and decides what is to be written. Nothing while something is written.
    pub fn look(&mut self, standing: Standing, now: Instant) {
        if self.is_busy() {
            return;
        }
        let Standing::Hearing { alive, since } = standing else {
            return;
        };
        if self.assigned.is_awaited(&alive) && since <= GONE_AFTER {
            return;
        }
        self.rollbacks.look(&self.declared, &self.assigned, &alive);
        self.written.look(self.assigned.hosts(), now);
        let hosts: Vec<_> = alive.values().map(|report| view(report)).collect();
        let is_new = self
            .planned
            .as_ref()
            .is_none_or(|(_, for_hosts)| *for_hosts != hosts);
        if is_new {
            let epoch = self.epoch;
            let made = plan(&self.declared, &hosts, self.assigned.all(), epoch);
            self.tell = Some(Unplaced::of(&made, epoch));
            self.planned = Some((made, hosts));
        }
        if is_new || !self.held.is_empty() {
            self.decide(&alive, is_new, now);
        }
        self.look_at_absent(&alive, now);
        if !self.is_busy() {
            self.collect_parts();
        }
    }

    fn is_busy(&self) -> bool {
        let is_writing = !self.queue.is_empty() || !self.writing.is_empty();
        is_writing || !self.collect.is_empty() || !self.collecting.is_empty()
    }

    /// What of the plan can be written by now.
    fn decide(&mut self, alive: &BTreeMap<HostId, Arc<Report>>, is_new: bool, now: Instant) {
        let Some((plan, _)) = &self.planned else {
            return;
        };
        let was_held = &self.held;
        let is_overdue = |name: &TargetName| {
            let since = was_held.get(name);
            since.is_some_and(|since| now.saturating_duration_since(*since) > HELD_MAX)
        };
        let counts = |host: &HostId, report: &Report| {
            let named = self.assigned.named(host);
            self.written.believes(report, named, now)
        };
        let word = |host: &HostId, name: &TargetName| match alive.get(host) {
            Some(report) if counts(host, report) && self.assigned.has(host, name) => {
                word(report, name)
            }
            _ => Word::Silent,
        };
        let held = held(plan, self.assigned.all(), word, is_overdue);
        if !is_new && held.iter().eq(was_held.keys()) {
            return;
        }
        let wanted = hand_over(plan, self.assigned.all(), &held);
        let since = |name: TargetName| {
            let since = was_held.get(&name).copied().unwrap_or(now);
            (name, since)
        };
        self.held = held.into_iter().map(since).collect();
        let is_due = |(host, wanted): &(HostId, Assignment)| !self.assigned.is_as(host, wanted);
        self.queue = wanted.into_iter().filter(is_due).collect();
    }

    /// The assignments of hosts that are away: written once under this epoch, collected later.
    fn look_at_absent(&mut self, alive: &BTreeMap<HostId, Arc<Report>>, now: Instant) {
        let hosts = self.assigned.hosts();
        let away: Vec<_> = hosts
            .filter(|host| !alive.contains_key(*host))
            .cloned()
            .collect();
        self.absent
            .retain(|host, _| away.binary_search(host).is_ok());
        for host in away {
            let since = *self.absent.entry(host.clone()).or_insert(now);
            if now.saturating_duration_since(since) > COLLECT_AFTER {
                let key = key::assignment(&host);
                let over = self.assigned.revision(&host);
                let tag = Tag::Absent(host);
                self.collect.push_back((tag, Ask::Purge { key, over }));
            } else if let Some(fenced) = self.assigned.fenced(&host, self.epoch) {
                self.queue.push_back((host, fenced));
            }
        }
    }

    /// Parts that no head names: of heads that were replaced, or that never came to be. Those that a
    /// later leader wrote are none of this one's business.
    fn collect_parts(&mut self) {
        for (host, name) in self.assigned.unnamed(self.epoch) {
            let key = key::part(&host, &name);
            self.collect
                .push_back((Tag::Part(host, name), Ask::Erase { key }));
        }
    }

    /// What to do now; `until` is when the lease may have run out.
    pub fn step(&mut self, now: Instant, until: Option<Instant>) -> Step {
        if let Some(end) = &self.end {
            return end.clone();
        }
        // A host that was frozen comes here when it thaws, before it writes anything.
        if until.is_none_or(|until| now >= until) {
            return Step::Expired;
        }
        for (host, writing) in &mut self.writing {
            if let Some(ask) = writing.next(host) {
                return Step::Ask(Tag::Host(host.clone()), ask);
            }
        }
        if self.writing.len() < WRITES_AT_ONCE
            && let Some((host, wanted)) = self.queue.pop_front()
        {
            return self.begin(host, wanted);
        }
        if let Some(unplaced) = self.tell.take() {
            return Step::Tell(unplaced);
        }
        if let Some(step) = self.rollbacks.step() {
            return step;
        }
        let is_written = self.queue.is_empty() && self.writing.is_empty();
        if is_written
            && self.collecting.is_empty()
            && let Some((tag, ask)) = self.collect.pop_front()
        {
            self.collecting.insert(tag.clone());
            return Step::Ask(tag, ask);
        }
        Step::Rest
    }

    fn begin(&mut self, host: HostId, wanted: Assignment) -> Step {
        let over = self.assigned.revision(&host);
        match Writing::begin(wanted, over, &self.assigned.names(&host)) {
            Ok(mut writing) => {
                let ask = writing.next(&host);
                self.writing.insert(host.clone(), writing);
                ask.map_or(Step::Rest, |ask| Step::Ask(Tag::Host(host), ask))
            }
            Err(error) => {
                tracing::error!(%host, %error, "an assignment can't be written");
                self.again();
                Step::Rest
            }
        }
    }

    /// The state answered.
    pub fn answered(&mut self, tag: &Tag, answer: Answer) {
        match tag {
            Tag::Host(host) => self.wrote(host, answer),
            Tag::App(app) => self.rollbacks.answered(app, answer, &self.declared),
            Tag::Part(host, name) => {
                self.collecting.remove(tag);
                if answer == Answer::Deleted {
                    self.assigned.erased(host, name);
                }
            }
            Tag::Absent(host) => {
                self.collecting.remove(tag);
                match answer {
                    Answer::Deleted => {
                        tracing::info!(%host, "collected the assignment of a host that is gone");
                        self.assigned.forget(host);
                    }
                    answer => self.broken(&answer),
                }
            }
        }
    }

    fn wrote(&mut self, host: &HostId, answer: Answer) {
        let Some(mut writing) = self.writing.remove(host) else {
            return;
        };
        match writing.answered(answer) {
            Done::Not => {
                self.writing.insert(host.clone(), writing);
            }
            Done::Written { revision } => {
                tracing::debug!(%host, epoch = self.epoch, revision, "assigned");
                let (wanted, names) = writing.into_written();
                self.assigned.wrote(host, revision, wanted, names);
                self.written.wrote(host.clone());
            }
            Done::Found(found) => self.found(host, found),
            Done::Failed(reason) => self.end = Some(Step::Broken(reason)),
        }
    }

    /// Somebody else wrote an assignment: a later leader, or an earlier one just before this one's.
    fn found(&mut self, host: &HostId, found: Option<Found>) {
        if let Some(found) = &found {
            let by = found.epoch;
            if by > self.epoch {
                self.end = Some(Step::Deposed { by });
            } else if found.work.is_none() {
                let reason = format!("the assignment of {host} was changed");
                self.end = Some(Step::Broken(reason));
            }
        }
        self.assigned.found(host, found);
        self.written.found(host);
        self.again();
    }

    fn broken(&mut self, answer: &Answer) {
        self.end = Some(Step::Broken(format!("{answer:?}")));
    }

    /// What is not written as planned is planned anew at the next look.
    fn again(&mut self) {
        self.planned = None;
    }
}

#[cfg(test)]
#[path = "term_test.rs"]
mod tests;
