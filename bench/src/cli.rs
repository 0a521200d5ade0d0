//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::role::{Kept, Role};
use crate::rows::Row;

/// Measure a lattice beside its limits, and print one table.
///
/// Starts its own nats-server and hosts, and stops them.
#[derive(Debug, clap::Parser)]
#[command(name = "lattice-bench")]
pub(crate) struct Cli {
    /// What to measure; everything unless some are named.
    #[arg(value_enum)]
    pub(crate) rows: Vec<Row>,

    /// Print JSON: one object with every figure, its spread and the notes.
    #[arg(long)]
    pub(crate) json: bool,

    /// How long each side of a figure is loaded at a time.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,

    /// How many times each side has its turn: the table has medians of them.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,

    /// What this process is, when it was started by another one of it.
    #[arg(long, hide = true, value_enum)]
    pub(crate) role: Option<Role>,

    /// The server that a role connects to.
    #[arg(long, hide = true, default_value = "nats://127.0.0.1:4222")]
    pub(crate) nats: String,

    /// The component that a role serves.
    #[arg(long, hide = true)]
    pub(crate) component: Option<PathBuf>,

    /// What a role keeps of an instance when its request is answered.
    #[arg(long, hide = true, value_enum, default_value_t)]
    pub(crate) kept: Kept,
}

impl Cli {
    pub(crate) fn slice(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The rows asked for, in the order of the table.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let asked = |row: &Row| self.rows.is_empty() || self.rows.contains(row);
        Row::ALL.iter().copied().filter(asked).collect()
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0.05 to 600".to_owned()),
    }
}
