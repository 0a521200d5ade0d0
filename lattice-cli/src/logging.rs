//! Logs of this program, on standard error.

use tracing_subscriber::EnvFilter;

/// What is logged unless RUST_LOG says otherwise.
const FILTER_DEFAULT: &str = "info";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs from here on. RUST_LOG chooses what.
pub(crate) fn start(format: Format) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error means that somebody logs already.
    let _ = match format {
        Format::Text => log.with_ansi(ansi).try_init(),
        Format::Json => log.json().try_init(),
    };
}
