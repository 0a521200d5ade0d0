//! `lattice completion`.

use clap::CommandFactory as _;

use crate::cli::Cli;

/// Print the completion for a shell, to be put where that shell looks for it.
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Completion {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "lattice", &mut text);
        crate::ui::out(String::from_utf8_lossy(&text).trim_end())
    }
}
