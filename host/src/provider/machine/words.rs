//! What goes into the machine, and what comes out of it.

use std::time::Duration;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider) enum Input {
    /// It is to run, and did not.
    Run { external: bool },
    /// What it is started with has changed.
    Replace { external: bool },
    /// Its settings have changed: a process sees that by itself, a pause is cut short.
    Changed,
    /// It is not to run.
    Stop,
    /// It could not be started.
    NotStarted { reason: String },
    /// Its process is gone.
    Ended(Exit),
    /// What came of a check of that run.
    Checked { run: u64, answer: Answer },
    /// The moment that [`Machine::deadline`](super::Machine::deadline) named has come.
    Tick,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider) enum Answer {
    /// It is there.
    Answers,
    /// It is there, and says what is wrong with it.
    Complains(String),
    /// It was asked and did not answer.
    Silent,
    /// The server says that nobody is there to be asked.
    Absent,
    /// It could not be asked.
    Unknown,
    /// This host stood still while it waited: that is nobody's silence, and no answer.
    Unheard,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider) struct Exit {
    /// Its status: `exit status: 1`, `signal: 9 (SIGKILL)`.
    pub(in crate::provider) status: String,
    /// The last that it said.
    pub(in crate::provider) lines: Vec<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider) enum Effect {
    /// Start the process.
    Start,
    /// Check that run.
    Check(u64),
    /// Ask the process to end.
    Terminate,
    /// End the process.
    Kill,
    /// Tell the lattice.
    Tell(Notice),
}

/// What the lattice hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider) enum Notice {
    /// It answers calls.
    Started,
    /// It was stopped as asked.
    Stopped,
    /// It ended by itself, and is started again after a pause.
    Crashed { exit: Exit, again_in: Duration },
    /// It can't be started, keeps ending, or does not answer.
    Failed { reason: String },
}
