//! An assignment as it is stored: a head, and parts for what would not fit into it.
//!
//! A host with few actors has all of its work in the head, `assign.<host>`. With many, the head names
//! parts, `part.<host>.<name>`, each with the work whose names hash to it: a change of one actor
//! rewrites one part and the head. A part is written once, under a name that is never used again,
//! and before the head that names it; so the head alone decides, by compare-and-swap, and whoever
//! reads a head reads exactly what its writer meant, or finds a part missing and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use lattice_protocol::digest::Digest;
use lattice_protocol::id::ProviderName;
use serde::{Deserialize, Serialize};

use super::record::{self, Error, decode, encode};
use crate::assignment::{AssignedActor, AssignedProvider, Assignment};
use crate::plan::name_hash;

/// Up to here an assignment stays in its head: every host reads its own now and then, and the store
/// keeps 64 revisions of it.
pub const WHOLE_BYTES_MAX: usize = 32 * 1024;
/// The size that parts are made for: some 350 actors. Small enough that a change writes little, far
/// below the smallest `max_payload` that anybody sets.
const PART_BYTES_AIM: usize = 128 * 1024;
/// The most of one part, unless a single actor is larger: half of NATS's own `max_payload`.
const PART_BYTES_MAX: usize = 512 * 1024;
/// The most parts of one host: their names take 400 KiB, and the work in them may be 512 MiB.
pub const PARTS_MAX: usize = 4096;

/// What `assign.<host>` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The lease under which it was written.
    pub epoch: u64,
    /// Actors, unless they are in parts.
    #[serde(default)]
    pub actors: Vec<AssignedActor>,
    /// Providers, unless they are in parts.
    #[serde(default)]
    pub providers: BTreeMap<ProviderName, AssignedProvider>,
    /// Where the rest is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartName>,
}

/// What `part.<host>.<name>` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Actors.
    #[serde(default)]
    pub actors: Vec<AssignedActor>,
    /// Providers.
    #[serde(default)]
    pub providers: BTreeMap<ProviderName, AssignedProvider>,
}

/// The name of a part: who wrote it, for which head, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartName {
    /// The lease under which it was written.
    pub epoch: u64,
    /// The revision of the head that was to be replaced. A part that was erased never comes back
    /// under its name: by then the head has another revision.
    pub over: u64,
    /// Of its bytes.
    pub digest: Digest,
}

/// The text is no name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a part: it is EPOCH-REVISION-DIGEST")]
pub struct NotAPartName(String);

/// Why an assignment can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It has more parts than any writer makes.
    #[error("the assignment has {0} parts, at most {PARTS_MAX} are read")]
    TooMany(usize),
    /// The bytes are not those that the head means.
    #[error("part {0} holds something else than its name says")]
    Changed(PartName),
    /// It can't be read.
    #[error(transparent)]
    Record(#[from] Error),
}

/// An assignment, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What `assign.<host>` is to hold.
    pub head: Vec<u8>,
    /// What the head names: those in `known` are there already.
    pub names: BTreeSet<PartName>,
    /// Parts to write before the head.
    pub parts: Vec<(PartName, Vec<u8>)>,
}

/// Writes an assignment over the head of revision `over`, which names the parts `known`.
pub fn write(
    assignment: &Assignment,
    over: u64,
    known: &BTreeSet<PartName>,
) -> Result<Written, Error> {
    let mut head = Head {
        epoch: assignment.epoch,
        actors: assignment.actors.clone(),
        providers: assignment.providers.clone(),
        parts: Vec::new(),
    };
    let whole = encode(&head)?;
    if whole.len() <= WHOLE_BYTES_MAX {
        return Ok(Written {
            head: whole,
            names: BTreeSet::new(),
            parts: Vec::new(),
        });
    }
    let by_digest: BTreeMap<_, _> = known.iter().map(|name| (&name.digest, name)).collect();
    let mut parts = Vec::new();
    for bytes in split(assignment, whole.len())? {
        let digest = Digest::of(&bytes);
        if let Some(name) = by_digest.get(&digest) {
            head.parts.push((*name).clone());
            continue;
        }
        let name = PartName {
            epoch: assignment.epoch,
            over,
            digest,
        };
        head.parts.push(name.clone());
        parts.push((name, bytes));
    }
    head.actors.clear();
    head.providers.clear();
    Ok(Written {
        head: encode(&head)?,
        names: head.parts.into_iter().collect(),
        parts,
    })
}

/// The bytes of the parts that are not empty. What is in which depends on names alone, so that a
/// change of one actor leaves the other parts as they are.
fn split(assignment: &Assignment, bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut count = bytes.div_ceil(PART_BYTES_AIM).next_power_of_two();
    loop {
        let parts = divided(assignment, count);
        let written: Vec<_> = parts.iter().map(encode).collect::<Result<_, _>>()?;
        let is_small = |(part, bytes): (&Part, &Vec<u8>)| {
            bytes.len() <= PART_BYTES_MAX || part.actors.len() + part.providers.len() == 1
        };
        if count >= PARTS_MAX || parts.iter().zip(&written).all(is_small) {
            return Ok(written);
        }
        count *= 2;
    }
}

fn divided(assignment: &Assignment, count: usize) -> Vec<Part> {
    let count = count.clamp(1, PARTS_MAX);
    let mut parts = vec![Part::default(); count];
    // The remainder is below `count`, which is a usize.
    let at = |name: &str| usize::try_from(name_hash(name) % count as u64).unwrap_or(0);
    for actor in &assignment.actors {
        parts[at(actor.name.as_str())].actors.push(actor.clone());
    }
    for (name, provider) in &assignment.providers {
        let part = &mut parts[at(name.as_str())];
        part.providers.insert(name.clone(), provider.clone());
    }
    parts.retain(|part| !part.actors.is_empty() || !part.providers.is_empty());
    parts
}

/// An assignment on its way in: its head, and the parts that came so far.
#[derive(Debug, Clone)]
pub struct Reading {
    head: Head,
    missing: BTreeSet<PartName>,
}

impl Reading {
    /// Begins with the bytes of a head.
    pub fn begin(bytes: &[u8]) -> Result<Self, Broken> {
        let head: Head = decode(bytes)?;
        if head.parts.len() > PARTS_MAX {
            return Err(Broken::TooMany(head.parts.len()));
        }
        let missing = head.parts.iter().cloned().collect();
        Ok(Self { head, missing })
    }

    /// The epoch of the head.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// The parts that the head names.
    pub fn names(&self) -> BTreeSet<PartName> {
        self.head.parts.iter().cloned().collect()
    }

    /// A part that is wanted still; none when all is there.
    pub fn missing(&self) -> Option<&PartName> {
        self.missing.first()
    }

    /// Takes a part in.
    pub fn part(&mut self, name: &PartName, bytes: &[u8]) -> Result<(), Broken> {
        if !self.missing.contains(name) {
            return Ok(());
        }
        if Digest::of(bytes) != name.digest {
            return Err(Broken::Changed(name.clone()));
        }
        let part: Part = decode(bytes)?;
        self.missing.remove(name);
        self.head.actors.extend(part.actors);
        self.head.providers.extend(part.providers);
        Ok(())
    }

    /// The assignment, once nothing is missing.
    pub fn finish(self) -> Option<Assignment> {
        if !self.missing.is_empty() {
            return None;
        }
        let mut assignment = Assignment {
            epoch: self.head.epoch,
            actors: self.head.actors,
            providers: self.head.providers,
        };
        assignment.sort();
        Some(assignment)
    }
}

impl record::Record for Head {
    const FIELD: &'static str = "assignment";

    /// A reader that knows no parts would take their work for not wanted.
    fn format(&self) -> u64 {
        if self.parts.is_empty() { 1 } else { 2 }
    }
}

impl record::Record for Part {
    const FIELD: &'static str = "part";

    fn format(&self) -> u64 {
        2
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.epoch, self.over, self.digest.hex())
    }
}

impl FromStr for PartName {
    type Err = NotAPartName;

    fn from_str(text: &str) -> Result<Self, NotAPartName> {
        let wrong = || NotAPartName(text.chars().take(128).collect());
        let mut words = text.splitn(3, '-');
        let mut word = || words.next().ok_or_else(wrong);
        let (epoch, over, hex) = (word()?, word()?, word()?);
        Ok(Self {
            epoch: epoch.parse().map_err(|_| wrong())?,
            over: over.parse().map_err(|_| wrong())?,
            digest: format!("sha256:{hex}").parse().map_err(|_| wrong())?,
        })
    }
}

impl TryFrom<String> for PartName {
    type Error = NotAPartName;

    fn try_from(text: String) -> Result<Self, NotAPartName> {
        text.parse()
    }
}

impl From<PartName> for String {
    fn from(name: PartName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
#[path = "head_test.rs"]
mod tests;
