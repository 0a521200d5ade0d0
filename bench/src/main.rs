//! Measures the lattice beside its limits: each figure next to what bounds it, in the same run, by
//! turns. It asserts nothing: it prints a table.
//!
//! In reading order:
//! - [`cli`]: the command line; [`rows`]: what is measured, one file each;
//! - [`measure`]: turns, rounds and medians; [`load`]: callers, as many or as fast as wanted;
//! - [`figure`], [`report`]: what comes out, and how it is printed;
//! - [`world`]: nats-server, hosts and apps, in processes of their own;
//! - [`role`]: the limits that need a process: this program, started with another role;
//! - [`inside`], [`alone`]: a host's own call path, and wasmtime without a host, in this process;
//! - [`guest`], [`web`], [`usage`]: components, an HTTP client, what a process used up.

mod alone;
mod cli;
mod figure;
mod guest;
mod inside;
mod load;
mod measure;
mod report;
mod role;
mod rows;
mod usage;
mod web;
mod world;

use std::os::unix::process::CommandExt as _;

use anyhow::Context as _;
use clap::Parser as _;

use crate::cli::Cli;

/// With it, every error value that is made captures a backtrace: a peer of ours served sixty times
/// less with it set.
const BACKTRACE: &str = "RUST_BACKTRACE";

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if std::env::var_os(BACKTRACE).is_some() {
        return Err(without_backtraces()).context("failed to start anew without RUST_BACKTRACE");
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match cli.role {
            Some(role) => role.run(&cli).await,
            None => report::run(&cli).await,
        }
    })
}

/// Starts this program anew in its own place; comes back only with the reason why it can't.
fn without_backtraces() -> std::io::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env_remove(BACKTRACE)
        .exec()
}
