//! What this host is to run, decided: assignments in, what to run out.
//!
//! Only positive evidence stops what runs. An assignment that is gone, can't be read, lacks a part,
//! or is older than one known changes nothing. One that leaves a thing out stops it only if the state
//! knows the thing's app, be it that the app was deleted: a state that was wiped or restored from an
//! old backup has never heard of it. What was kept is asked about again, as the app may come back.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use lattice_client::StateEntry;
use lattice_config::state::decode;
use lattice_config::state::head::{PartName, Reading};
use lattice_config::state::key;
use lattice_config::{App, Assignment};
use lattice_protocol::id::{AppName, HostId};
use lattice_protocol::report::AssignmentRevision;

use super::ask::{Answer, Ask};

/// The pause before an assignment is tried again that could not be carried out whole.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often a host asks whether the state has come to know what it keeps, and reads its assignment
/// past the watch, which may have died without a word.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something comes.
    Rest,
    /// Ask this of the state, and [answer](Duty::answered).
    Ask(Ask),
    /// Run [this](Duty::current), and nothing else.
    Run,
}

/// What this host is to run.
#[derive(Debug)]
pub struct Duty {
    host: HostId,
    /// What runs here.
    current: Assignment,
    /// Which writing of it that is; none before the first.
    followed: Option<AssignmentRevision>,
    /// The head that was taken last, and its revision.
    latest: Option<(u64, Bytes)>,
    /// The revision that the last look found.
    behind: Option<u64>,
    stage: Stage,
    /// It is to be tried again: soon if it could not be carried out, later if something is kept.
    again: Option<Duration>,
}

#[derive(Debug)]
enum Stage {
    Rest,
    /// The head is to be read, past the watch.
    Look,
    /// Parts are missing.
    Parts(Reading),
    /// Apps of what is left out are asked about.
    Judge(Judge),
    Run,
}

#[derive(Debug)]
struct Judge {
    wanted: Assignment,
    /// To be asked about; the first is being asked.
    apps: VecDeque<AppName>,
    unknown: BTreeSet<AppName>,
    is_sure: bool,
}

impl Duty {
    /// A host that runs nothing yet and ignores what is older than `epoch`.
    pub fn new(host: HostId, epoch: u64) -> Self {
        let current = Assignment {
            epoch,
            ..Assignment::default()
        };
        Self {
            host,
            current,
            followed: None,
            latest: None,
            behind: None,
            stage: Stage::Rest,
            again: None,
        }
    }

    /// What runs here.
    pub fn current(&self) -> &Assignment {
        &self.current
    }

    /// Which writing of the assignment that is; none before the first.
    pub fn followed(&self) -> Option<AssignmentRevision> {
        self.followed
    }

    /// After what time to [try again](Self::again), if at all.
    pub fn again_after(&self) -> Option<Duration> {
        self.again
    }

    /// This host's assignment came by the watch.
    pub fn head(&mut self, entry: StateEntry) {
        self.behind = None;
        self.take(entry, false);
    }

    /// This host's assignment was looked at. What a look finds behind the watch twice is no answer of
    /// a server that lags: the store was set back.
    fn looked(&mut self, entry: StateEntry) {
        let revision = entry.revision;
        let is_sure = self.behind == Some(revision);
        self.behind = Some(revision);
        self.take(entry, is_sure);
    }

    fn take(&mut self, entry: StateEntry, is_sure: bool) {
        let Some(value) = entry.value else {
            tracing::warn!("this host's assignment was deleted: what runs here is kept");
            return;
        };
        let (revision, latest) = (entry.revision, self.latest.as_ref());
        if self.again.is_none() && latest.is_some_and(|(_, bytes)| *bytes == value) {
            self.latest = Some((revision, value));
            self.follow_the_same(revision);
            return;
        }
        let reading = match Reading::begin(&value) {
            Ok(reading) => reading,
            Err(error) => {
                tracing::error!(%error, "this host's assignment can't be read: what runs is kept");
                return;
            }
        };
        let epoch = reading.epoch();
        // The watch may be behind a look: of one leader the later counts.
        let is_behind = !is_sure && latest.is_some_and(|(seen, _)| revision < *seen);
        if epoch < self.current.epoch || (epoch == self.current.epoch && is_behind) {
            tracing::debug!(epoch, revision, "ignored an older assignment");
            return;
        }
        self.latest = Some((revision, value));
        self.begin(reading);
    }

    /// What runs was written once more: whoever wrote it waits to hear that this is it.
    fn follow_the_same(&mut self, revision: u64) {
        let Some(followed) = self.followed.as_mut() else {
            return;
        };
        // On the way to be run it is counted at its end.
        if followed.revision != revision && matches!(self.stage, Stage::Rest) {
            followed.revision = revision;
            self.stage = Stage::Run;
        }
    }

    /// Reads this host's assignment, unless there is something to do already.
    pub fn look(&mut self) {
        if matches!(self.stage, Stage::Rest) {
            self.stage = Stage::Look;
        }
    }

    /// Tries once more what could not be carried out whole.
    pub fn again(&mut self) {
        if self.again.is_none() || !matches!(self.stage, Stage::Rest) {
            return;
        }
        let latest = self.latest.as_ref();
        match latest.map(|(_, bytes)| Reading::begin(bytes)) {
            Some(Ok(reading)) => self.begin(reading),
            _ => self.again = None,
        }
    }

    fn begin(&mut self, reading: Reading) {
        self.again = None;
        if reading.missing().is_some() {
            self.stage = Stage::Parts(reading);
        } else if let Some(wanted) = reading.finish() {
            self.judge(wanted);
        }
    }

    fn judge(&mut self, wanted: Assignment) {
        let apps: VecDeque<_> = apps_left_out(&self.current, &wanted).into();
        let judge = Judge {
            wanted,
            apps,
            unknown: BTreeSet::new(),
            is_sure: true,
        };
        if judge.apps.is_empty() {
            self.settle(judge);
        } else {
            self.stage = Stage::Judge(judge);
        }
    }

    /// What to do now.
    pub fn step(&mut self) -> Step {
        let key = match &self.stage {
            Stage::Rest => return Step::Rest,
            Stage::Run => {
                self.stage = Stage::Rest;
                return Step::Run;
            }
            Stage::Look => Some(key::assignment(&self.host)),
            Stage::Parts(reading) => {
                let missing = reading.missing();
                missing.map(|name| key::part(&self.host, name))
            }
            Stage::Judge(judge) => judge.apps.front().map(key::app),
        };
        match key {
            Some(key) => Step::Ask(Ask::Get { key }),
            None => Step::Rest,
        }
    }

    /// The state answered what [`Step::Ask`] asked.
    pub fn answered(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.stage, Stage::Rest) {
            Stage::Look => match answer {
                Answer::Entry(Some(entry)) => self.looked(entry),
                Answer::Entry(None) => {}
                answer => tracing::debug!(?answer, "this host's assignment can't be looked at"),
            },
            Stage::Parts(reading) => self.part(reading, answer),
            Stage::Judge(judge) => self.judged(judge, answer),
            stage @ (Stage::Rest | Stage::Run) => self.stage = stage,
        }
    }

    fn part(&mut self, mut reading: Reading, answer: Answer) {
        let Some(name) = reading.missing().cloned() else {
            return;
        };
        if let Err(reason) = take_part(&mut reading, &name, answer) {
            tracing::warn!(part = %name, reason, "what runs here is kept");
            self.again = Some(AGAIN_AFTER);
            return;
        }
        self.begin(reading);
    }

    fn judged(&mut self, mut judge: Judge, answer: Answer) {
        let Some(app) = judge.apps.pop_front() else {
            return;
        };
        match answer {
            Answer::Entry(Some(entry)) if !is_readable(&entry) => {
                tracing::warn!(%app, "this app can't be read: what it runs is kept");
                judge.unknown.insert(app);
            }
            // Declared, or deleted: a deletion leaves its mark.
            Answer::Entry(Some(_)) => {}
            Answer::Entry(None) => {
                tracing::warn!(%app, "the state does not know this app: what it runs is kept");
                judge.unknown.insert(app);
            }
            answer => {
                tracing::warn!(%app, ?answer, "what would be stopped is kept");
                judge.unknown.insert(app);
                judge.is_sure = false;
            }
        }
        if judge.apps.is_empty() {
            self.settle(judge);
        } else {
            self.stage = Stage::Judge(judge);
        }
    }

    fn settle(&mut self, judge: Judge) {
        self.again = match (judge.is_sure, judge.unknown.is_empty()) {
            (false, _) => Some(AGAIN_AFTER),
            (true, false) => Some(LOOK_EVERY),
            (true, true) => None,
        };
        let epoch = judge.wanted.epoch;
        self.current = merged(&self.current, judge.wanted, &judge.unknown);
        // Whatever is settled is what was taken last: another head would have taken its place.
        let latest = self.latest.as_ref();
        self.followed = latest.map(|&(revision, _)| AssignmentRevision { epoch, revision });
        self.stage = Stage::Run;
    }
}

/// Whether an app's record says what it declares, or that it was deleted.
fn is_readable(entry: &StateEntry) -> bool {
    let value = entry.value.as_ref();
    value.is_none_or(|value| decode::<App>(value).is_ok())
}

fn take_part(reading: &mut Reading, name: &PartName, answer: Answer) -> Result<(), String> {
    let bytes = match answer {
        Answer::Entry(entry) => entry.and_then(|entry| entry.value),
        answer => return Err(format!("it can't be read: {answer:?}")),
    };
    let bytes = bytes.ok_or("it is not there")?;
    let taken = reading.part(name, &bytes);
    taken.map_err(|error| error.to_string())
}

/// The apps of everything that runs and is not wanted, each once.
fn apps_left_out(current: &Assignment, wanted: &Assignment) -> Vec<AppName> {
    let names: BTreeSet<_> = wanted.actors.iter().map(|actor| &actor.name).collect();
    let actors = current.actors.iter();
    let actors = actors.filter(|actor| !names.contains(&actor.name));
    let providers = current.providers.iter();
    let providers = providers.filter(|(name, _)| !wanted.providers.contains_key(*name));
    let apps = actors.map(|actor| &actor.app);
    let apps: BTreeSet<_> = apps.chain(providers.map(|(_, one)| &one.app)).collect();
    apps.into_iter().cloned().collect()
}

/// What is wanted, and what runs of apps that the state doesn't know.
fn merged(current: &Assignment, wanted: Assignment, unknown: &BTreeSet<AppName>) -> Assignment {
    let mut merged = wanted;
    if unknown.is_empty() {
        return merged;
    }
    let names: BTreeSet<_> = merged.actors.iter().map(|actor| &actor.name).collect();
    let is_kept = |app: &AppName| unknown.contains(app);
    let kept = current.actors.iter();
    let kept = kept.filter(|actor| is_kept(&actor.app) && !names.contains(&actor.name));
    let kept: Vec<_> = kept.cloned().collect();
    merged.actors.extend(kept);
    for (name, provider) in &current.providers {
        if is_kept(&provider.app) {
            let entry = merged.providers.entry(name.clone());
            entry.or_insert_with(|| provider.clone());
        }
    }
    merged
}

#[cfg(test)]
#[path = "duty_test.rs"]
mod tests;
