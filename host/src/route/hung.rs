//! Providers that don't answer: calls to them fail at once, and now and then one asks whether they are
//! back.
//!
//! A provider is *doubted* when a call has had no answer for a second, after seven calls in a row that had
//! none, or when its host says that it is silent. A doubted one is asked for its health, beside the calls;
//! one that does not answer that within a second, or whose host asked it just so, is *hung*: calls are
//! refused. Whatever it answers lifts both. So nobody is refused for being slow, and of a provider that
//! falls silent only those calls are lost that come within two seconds.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lattice_protocol::id::TargetName;

use super::copies::Copies;
use super::lock;
use super::pause::Pause;
use super::suspects::FAILURES_MAX;
use crate::provider::health::CHECK_DEADLINE;

/// How long until it is asked again, at first and at the most: that long it is refused after it is
/// back, where no host watches it.
const ASK_MIN: Duration = Duration::from_millis(500);
const ASK_MAX: Duration = Duration::from_secs(5);
/// How many are kept in mind: as many as a large lattice has providers; past it the books are begun
/// anew.
const TARGETS_MAX: usize = 4_000;

/// What is held against providers.
#[derive(Debug, Default)]
pub(super) struct Hung {
    targets: HashMap<TargetName, Record>,
}

#[derive(Debug)]
struct Record {
    /// Calls in a row that had no answer.
    failures: u32,
    /// Since when there was none.
    since: Instant,
    is_hung: bool,
    /// Whether its host said so last.
    is_reported: bool,
    ask: Pause,
    /// Whether it is being asked: once at a time.
    is_asked: bool,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Since when the target hangs: the call is refused.
    pub(super) hung_since: Option<Instant>,
    /// Whether this is the moment to ask for its health.
    pub(super) ask: bool,
}

impl Verdict {
    /// Nothing speaks against the call.
    const FINE: Self = Self {
        hung_since: None,
        ask: false,
    };
}

impl Record {
    fn new(since: Instant) -> Self {
        Self {
            failures: 0,
            since,
            is_hung: false,
            is_reported: false,
            ask: Pause::new(ASK_MIN, ASK_MAX),
            is_asked: false,
        }
    }

    /// Whether this is the moment to ask; then it is being asked.
    fn asks(&mut self, now: Instant) -> bool {
        let asks = !self.is_asked && self.ask.is_over(now);
        if asks {
            self.is_asked = true;
            self.ask.begin(now);
        }
        asks
    }
}

impl Hung {
    /// What becomes of a call to `target`, of whose processes their hosts say this.
    pub(super) fn verdict(
        &mut self,
        target: &TargetName,
        copies: &Copies,
        now: Instant,
    ) -> Verdict {
        self.believe(target, copies);
        let Some(record) = self.targets.get_mut(target) else {
            return Verdict::FINE;
        };
        let is_doubted = record.is_reported || record.is_hung || record.failures >= FAILURES_MAX;
        let ask = is_doubted && record.asks(now);
        Verdict {
            hung_since: record.is_hung.then_some(record.since),
            ask,
        }
    }

    /// Its host asked it: news of silence refuses calls at once, an answer forgives all.
    fn believe(&mut self, target: &TargetName, copies: &Copies) {
        if let Copies::Silent { since } = copies {
            let record = self.record(target, *since);
            if !std::mem::replace(&mut record.is_reported, true) {
                record.is_hung = true;
                record.since = *since;
            }
        } else if let Some(record) = self.targets.get_mut(target)
            && std::mem::replace(&mut record.is_reported, false)
            && *copies == Copies::Well
        {
            self.targets.remove(target);
        }
    }

    /// A call, or the question for its health, was answered.
    pub(super) fn answered(&mut self, target: &TargetName, now: Instant) {
        let Some(record) = self.targets.get_mut(target) else {
            return;
        };
        if record.is_reported {
            // Somebody else answers for it: the silent one is asked about again after a while.
            *record = Record {
                is_reported: true,
                ..Record::new(record.since)
            };
            record.ask.begin(now);
        } else if record.ask.is_over(now) {
            self.targets.remove(target);
        } else {
            // Calls that all take long would else each raise the question.
            *record = Record::new(record.since);
            record.ask.begin(now);
        }
    }

    /// A call has had no answer yet, for so long that its target is doubted: whether to ask for its health.
    pub(super) fn overdue(&mut self, target: &TargetName, now: Instant) -> bool {
        self.record(target, now).asks(now)
    }

    /// A call had no answer at all.
    pub(super) fn failed(&mut self, target: &TargetName, now: Instant) {
        let record = self.record(target, now);
        record.failures = record.failures.saturating_add(1);
    }

    /// The question for its health had no answer.
    pub(super) fn silent(&mut self, target: &TargetName) {
        if let Some(record) = self.targets.get_mut(target) {
            record.is_hung = true;
            record.is_asked = false;
        }
    }

    /// The question was asked, and it can't be said whether it had an answer.
    pub(super) fn unheard(&mut self, target: &TargetName) {
        if let Some(record) = self.targets.get_mut(target) {
            record.is_asked = false;
        }
    }

    fn record(&mut self, target: &TargetName, since: Instant) -> &mut Record {
        if self.targets.len() >= TARGETS_MAX && !self.targets.contains_key(target) {
            self.targets.clear();
        }
        let record = self.targets.entry(target.clone());
        record.or_insert_with(|| Record::new(since))
    }
}

/// A call that waits for an answer. Whoever gives it up says the same as silence, if it has waited
/// for as long as the question for the health may take.
pub(super) struct Unanswered<'a> {
    books: &'a Mutex<Hung>,
    target: Option<TargetName>,
    sent: Instant,
}

impl<'a> Unanswered<'a> {
    /// A call that is sent now.
    pub(super) fn new(books: &'a Mutex<Hung>, target: &TargetName) -> Self {
        Self {
            books,
            target: Some(target.clone()),
            sent: Instant::now(),
        }
    }

    /// It never left this process, or nobody was there: that says nothing of who was called.
    pub(super) fn says_nothing(mut self) {
        self.target = None;
    }

    /// It was answered, be it by an error.
    pub(super) fn answered(mut self) {
        if let Some(target) = self.target.take() {
            lock(self.books).answered(&target, Instant::now());
        }
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        if let Some(target) = self.target.take()
            && now.saturating_duration_since(self.sent) >= CHECK_DEADLINE
        {
            lock(self.books).failed(&target, now);
        }
    }
}

#[cfg(test)]
#[path = "hung_test.rs"]
mod tests;
