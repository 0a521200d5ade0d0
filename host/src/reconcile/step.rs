//! What a leader does next, and what its questions are about.

use lattice_config::state::head::PartName;
use lattice_protocol::id::{AppName, HostId};

use super::ask::Ask;
use super::rollback::Done;
use super::unplaced::Unplaced;

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something changes.
    Rest,
    /// Ask this of the state, and answer it by its tag.
    Ask(Tag, Ask),
    /// Tell people what the plan leaves out.
    Tell(Unplaced),
    /// Tell people that an app is again as it was.
    RolledBack(Done),
    /// A later leader has written: lead no more.
    Deposed {
        /// Its epoch.
        by: u64,
    },
    /// The lease may have run out: lead no more.
    Expired,
    /// The state can't be written, or says what can't be: begin the term anew.
    Broken(String),
}

/// What a question was about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// The assignment of a host.
    Host(HostId),
    /// A part that nobody needs.
    Part(HostId, PartName),
    /// The assignment of a host that stays away.
    Absent(HostId),
    /// An app that goes back to what it was.
    App(AppName),
}
