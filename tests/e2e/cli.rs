//! The `lattice` program's commands, told where the lattice of the test is.

use lattice_tests::Lattice;
use lattice_tests::process::{self, Ended, Running};
use tokio::process::Command;

use crate::program;

/// Runs a command in the lattice's folder, to its end.
pub(crate) async fn run(lattice: &mut Lattice, words: &[&str]) -> Ended {
    process::run(command(lattice, words)).await
}

/// Starts a command in the lattice's folder, and waits until it says these words.
pub(crate) async fn start(lattice: &mut Lattice, words: &[&str], says: &str) -> Running {
    let mut running = begin(lattice, words);
    running.prints(says).await;
    running
}

/// Starts a command in the lattice's folder.
pub(crate) fn begin(lattice: &mut Lattice, words: &[&str]) -> Running {
    Running::start(command(lattice, words))
}

fn command(lattice: &mut Lattice, words: &[&str]) -> Command {
    let nats = lattice.nats().url();
    let mut command = process::command(program(), lattice.folder(), words);
    command.env("LATTICE_NATS", nats);
    command
}
