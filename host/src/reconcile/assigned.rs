//! The assignments as they stand in the state, as far as a leader knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lattice_client::StateEntry;
use lattice_config::state::head::{PartName, Reading};
use lattice_config::state::key::Key;
use lattice_config::{AssignedActor, Assignment, Revision};
use lattice_protocol::id::{ActorName, HostId, TargetName};
use lattice_protocol::report::{AssignmentRevision, Report};

/// Every assignment, its head and its parts.
#[derive(Debug, Default)]
pub struct Assigned {
    work: BTreeMap<HostId, Assignment>,
    heads: BTreeMap<HostId, Head>,
    /// Every part that is in the store.
    parts: BTreeMap<HostId, BTreeSet<PartName>>,
}

#[derive(Debug, Default)]
struct Head {
    revision: u64,
    names: BTreeSet<PartName>,
}

/// A head that somebody else wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its revision.
    pub revision: u64,
    /// Its epoch; 0 if it can't be read.
    pub epoch: u64,
    /// What it says, if that is all in the head.
    pub work: Option<Assignment>,
}

impl Found {
    /// Reads an entry; none if the key is not there, or deleted.
    pub fn read(entry: Option<StateEntry>) -> Option<Self> {
        let entry = entry?;
        let reading = Reading::begin(&entry.value?);
        let reading = reading
            .inspect_err(|error| tracing::error!(key = entry.key, %error, "written anew"))
            .ok();
        Some(Self {
            revision: entry.revision,
            epoch: reading.as_ref().map_or(0, Reading::epoch),
            work: reading.and_then(Reading::finish),
        })
    }
}

impl Assigned {
    /// Reads all of them. One that can't be read, or lacks a part, is to be written over, so its
    /// revision is kept; one that was deleted counts as never written.
    pub fn read(entries: Vec<StateEntry>) -> Self {
        let mut heads = Vec::new();
        let mut parts: BTreeMap<HostId, BTreeMap<PartName, Bytes>> = BTreeMap::new();
        for entry in entries {
            match (Key::read(&entry.key), entry.value) {
                (Some(Key::Assignment(host)), Some(value)) => {
                    heads.push((host, entry.revision, value));
                }
                (Some(Key::Part(host, name)), Some(value)) => {
                    parts.entry(host).or_default().insert(name, value);
                }
                _ => {}
            }
        }
        let mut assigned = Self::default();
        let none = BTreeMap::new();
        for (host, revision, value) in heads {
            let (work, names) = put_together(&host, &value, parts.get(&host).unwrap_or(&none));
            assigned.wrote(&host, revision, work, names);
        }
        for (host, parts) in parts {
            assigned
                .parts
                .entry(host)
                .or_default()
                .extend(parts.into_keys());
        }
        assigned
    }

    /// What each host is assigned.
    pub fn all(&self) -> &BTreeMap<HostId, Assignment> {
        &self.work
    }

    /// Whether a host is to run a thing, by what is written.
    pub fn has(&self, host: &HostId, name: &TargetName) -> bool {
        // In the order in which they are written: asked for each thing that moves, be they thousands.
        let has = |work: &Assignment| {
            let by_name = |actor: &AssignedActor| actor.name.as_str().cmp(name.as_str());
            work.actors.binary_search_by(by_name).is_ok()
                || work.providers.contains_key(name.as_str())
        };
        self.work.get(host).is_some_and(has)
    }

    /// The revision of an actor that a host is to run, by what is written.
    pub fn revision_of(&self, host: &HostId, name: &ActorName) -> Option<&Revision> {
        let actors = &self.work.get(host)?.actors;
        let at = actors.binary_search_by(|actor| actor.name.cmp(name)).ok()?;
        actors.get(at).map(|actor| &actor.revision)
    }

    /// The latest epoch among them.
    pub fn epoch(&self) -> u64 {
        self.work.values().map(|work| work.epoch).max().unwrap_or(0)
    }

    /// The hosts that have an assignment.
    pub fn hosts(&self) -> impl Iterator<Item = &HostId> {
        self.heads.keys()
    }

    /// Whether a host that has work is not among these.
    pub fn is_awaited(&self, alive: &BTreeMap<HostId, Arc<Report>>) -> bool {
        let has_work = |work: &Assignment| !work.actors.is_empty() || !work.providers.is_empty();
        let mut working = self.work.iter().filter(|(_, work)| has_work(work));
        working.any(|(host, _)| !alive.contains_key(host))
    }

    /// Whether there is nothing to write: the same work, under the same lease.
    pub fn is_as(&self, host: &HostId, wanted: &Assignment) -> bool {
        let is_as = |was: &Assignment| was.epoch == wanted.epoch && was.same_work(wanted);
        self.work.get(host).is_some_and(is_as)
    }

    /// The assignment under another epoch, unless it has that already, or can't be read: what it
    /// says must not be lost for a host that comes back.
    pub fn fenced(&self, host: &HostId, epoch: u64) -> Option<Assignment> {
        let is_due = |work: &&Assignment| work.epoch != epoch && work.epoch != 0;
        let work = self.work.get(host).filter(is_due)?;
        Some(Assignment {
            epoch,
            ..work.clone()
        })
    }

    /// What a write must name.
    pub fn revision(&self, host: &HostId) -> u64 {
        self.heads.get(host).map_or(0, |head| head.revision)
    }

    /// Which writing of its assignment a host is to follow.
    pub fn named(&self, host: &HostId) -> Option<AssignmentRevision> {
        Some(AssignmentRevision {
            epoch: self.work.get(host)?.epoch,
            revision: self.heads.get(host)?.revision,
        })
    }

    /// The parts that a host's head names.
    pub fn names(&self, host: &HostId) -> BTreeSet<PartName> {
        let head = self.heads.get(host);
        head.map(|head| head.names.clone()).unwrap_or_default()
    }

    /// The parts of this epoch and before that no head names, where the head is of this epoch.
    pub fn unnamed(&self, epoch: u64) -> Vec<(HostId, PartName)> {
        let mut unnamed = Vec::new();
        for (host, parts) in &self.parts {
            let is_fenced = self.work.get(host).is_none_or(|work| work.epoch == epoch);
            let names = self.heads.get(host).map(|head| &head.names);
            let is_named = |part: &PartName| names.is_some_and(|names| names.contains(part));
            let gone = |part: &&PartName| is_fenced && part.epoch <= epoch && !is_named(part);
            unnamed.extend(
                parts
                    .iter()
                    .filter(gone)
                    .map(|part| (host.clone(), part.clone())),
            );
        }
        unnamed
    }

    /// An assignment was written.
    pub fn wrote(
        &mut self,
        host: &HostId,
        revision: u64,
        work: Assignment,
        names: BTreeSet<PartName>,
    ) {
        if !names.is_empty() {
            let parts = self.parts.entry(host.clone()).or_default();
            parts.extend(names.iter().cloned());
        }
        self.heads.insert(host.clone(), Head { revision, names });
        self.work.insert(host.clone(), work);
    }

    /// Somebody else's was found.
    pub fn found(&mut self, host: &HostId, found: Option<Found>) {
        self.forget(host);
        if let Some(found) = found {
            let work = found.work.unwrap_or_default();
            self.wrote(host, found.revision, work, BTreeSet::new());
        }
    }

    /// A host's assignment is not there any more.
    pub fn forget(&mut self, host: &HostId) {
        self.heads.remove(host);
        self.work.remove(host);
    }

    /// A part is not there any more.
    pub fn erased(&mut self, host: &HostId, name: &PartName) {
        if let Some(parts) = self.parts.get_mut(host) {
            parts.remove(name);
            if parts.is_empty() {
                self.parts.remove(host);
            }
        }
    }
}

fn put_together(
    host: &HostId,
    head: &[u8],
    parts: &BTreeMap<PartName, Bytes>,
) -> (Assignment, BTreeSet<PartName>) {
    let anew = (Assignment::default(), BTreeSet::new());
    let mut reading = match Reading::begin(head) {
        Ok(reading) => reading,
        Err(error) => {
            tracing::error!(%host, %error, "an assignment can't be read and is written anew");
            return anew;
        }
    };
    let names = reading.names();
    for name in &names {
        let Some(bytes) = parts.get(name) else {
            tracing::error!(%host, part = %name, "a part is missing: written anew");
            return anew;
        };
        if let Err(error) = reading.part(name, bytes) {
            tracing::error!(%host, %error, "an assignment can't be read and is written anew");
            return anew;
        }
    }
    (reading.finish().unwrap_or_default(), names)
}
