//! The command line, as clap reads it.

use clap::Parser;

use crate::command::Command;
use crate::connection::Connection;
use crate::exit;

/// Runs WebAssembly actors on hosts that are joined only by NATS.
#[derive(Debug, Parser)]
#[command(name = "lattice", version, after_help = exit::HELP, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,

    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        self.command.run(&self.connection).await
    }
}

#[cfg(test)]
#[path = "cli_test.rs"]
mod tests;
