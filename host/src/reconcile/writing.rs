//! One assignment on its way into the state: its parts first, then the head that names them.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use lattice_config::Assignment;
use lattice_config::state::head::{self, PartName};
use lattice_config::state::{Error, key};
use lattice_protocol::id::HostId;

use super::ask::{Answer, Ask};
use super::assigned::Found;

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// On its way.
    Not,
    /// Written.
    Written {
        /// The revision of its head.
        revision: u64,
    },
    /// Not written: this stands there instead.
    Found(Option<Found>),
    /// Not written, or that is not known.
    Failed(String),
}

/// An assignment on its way.
#[derive(Debug)]
pub struct Writing {
    wanted: Assignment,
    over: u64,
    names: BTreeSet<PartName>,
    parts: VecDeque<(PartName, Bytes)>,
    head: Bytes,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Something is to be written.
    Write,
    /// Somebody else wrote the head: it is to be read.
    Reread,
    /// An answer is awaited, to a part, the head or the reading of it.
    Part,
    Head,
    Rereading,
}

impl Writing {
    /// An assignment to be written over a head of revision `over` which names `known`.
    pub fn begin(wanted: Assignment, over: u64, known: &BTreeSet<PartName>) -> Result<Self, Error> {
        let written = head::write(&wanted, over, known)?;
        let parts = written.parts.into_iter();
        Ok(Self {
            wanted,
            over,
            names: written.names,
            parts: parts.map(|(name, bytes)| (name, bytes.into())).collect(),
            head: written.head.into(),
            stage: Stage::Write,
        })
    }

    /// What to ask next; nothing while an answer is awaited.
    pub fn next(&mut self, host: &HostId) -> Option<Ask> {
        let assignment = || key::assignment(host);
        match self.stage {
            Stage::Write => {
                if let Some((name, bytes)) = self.parts.pop_front() {
                    self.stage = Stage::Part;
                    return Some(Ask::Put {
                        key: key::part(host, &name),
                        value: bytes,
                        over: 0,
                    });
                }
                self.stage = Stage::Head;
                Some(Ask::Put {
                    key: assignment(),
                    value: self.head.clone(),
                    over: self.over,
                })
            }
            Stage::Reread => {
                self.stage = Stage::Rereading;
                Some(Ask::Get { key: assignment() })
            }
            Stage::Part | Stage::Head | Stage::Rereading => None,
        }
    }

    /// The state answered.
    pub fn answered(&mut self, answer: Answer) -> Done {
        match (self.stage, answer) {
            // A part's name says what it holds: one that is there is as good as one written now.
            (Stage::Part, Answer::Written { .. } | Answer::Conflict) => {
                self.stage = Stage::Write;
                Done::Not
            }
            (Stage::Head, Answer::Written { revision }) => Done::Written { revision },
            (Stage::Head, Answer::Conflict) => {
                self.stage = Stage::Reread;
                Done::Not
            }
            (Stage::Rereading, Answer::Entry(Some(entry)))
                if entry.value.as_ref() == Some(&self.head) =>
            {
                Done::Written {
                    revision: entry.revision,
                }
            }
            (Stage::Rereading, Answer::Entry(entry)) => Done::Found(Found::read(entry)),
            (_, Answer::Failed { reason }) => Done::Failed(reason),
            (_, answer) => Done::Failed(format!("the state answered {answer:?}")),
        }
    }

    /// What was written, and the parts that it names.
    pub fn into_written(self) -> (Assignment, BTreeSet<PartName>) {
        (self.wanted, self.names)
    }
}
