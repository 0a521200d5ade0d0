//! What runs of a provider: a process of its own, or a task of this one.

use super::inline::Task;
use super::machine::Exit;
use super::process::Process;

/// What was started and whose end was not yet seen.
#[derive(Debug)]
#[must_use]
pub(super) enum Work {
    Child(Box<Process>),
    Inline(Task),
}

impl Work {
    /// The id of its process, if it has one of its own.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Self::Child(process) => Some(process.pid()),
            Self::Inline(_) => None,
        }
    }

    /// Waits for its end; may be given up and asked again.
    pub(super) async fn ended(&mut self) -> Exit {
        match self {
            Self::Child(process) => process.ended().await,
            Self::Inline(task) => task.ended().await,
        }
    }

    /// Asks it to end.
    pub(super) fn terminate(&mut self) {
        match self {
            Self::Child(process) => process.terminate(),
            Self::Inline(task) => task.terminate(),
        }
    }

    /// Ends it.
    pub(super) fn kill(&mut self) {
        match self {
            Self::Child(process) => process.kill(),
            Self::Inline(task) => task.kill(),
        }
    }
}
