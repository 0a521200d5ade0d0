//! The binary `lattice`: reads the command line, runs the command, reports how it ended.

use std::process::ExitCode;

use clap::Parser as _;
use lattice_cli::cli::Cli;
use lattice_cli::exit;

#[tokio::main]
async fn main() -> ExitCode {
    exit::report(Cli::parse().run().await).into()
}
