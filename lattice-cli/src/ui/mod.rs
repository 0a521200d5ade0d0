//! What people and pipes see: results on standard output, everything else on standard error.
//!
//! - [`Progress`]: what takes long, a spinner on a terminal and plain lines elsewhere;
//! - [`table`]: listings as columns;
//! - [`json`]: JSON as it came, folded out when it is long.

pub mod json;
mod progress;
pub mod table;

use std::io::Write as _;

use anyhow::Context as _;

pub use progress::Progress;

/// Prints one line of a result. A reader that went away (`| head`) is an error like any other: see
/// [`crate::exit`].
pub fn out(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .context("failed to print")
}

/// Prints one line for people. There is nobody to tell when that fails.
pub fn err(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
