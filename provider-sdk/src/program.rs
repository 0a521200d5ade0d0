//! A provider as a whole program: its arguments, its logs, how it is stopped, and how it ends.

use std::ffi::OsString;
use std::io::{IsTerminal as _, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use lattice_client::Client;
use lattice_client::process::{self, NATS_DEFAULT, variable};
use lattice_protocol::id::{LatticeId, ProviderName};
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::{Error, Options, Provider, run_shown};

/// What is logged unless `RUST_LOG` says otherwise.
const LOG_DEFAULT: &str = "info";
/// The status of a program whose arguments are wrong: what clap uses, and shells.
const USAGE: u8 = 2;

/// What is said below the arguments.
const HELP: &str = "\
A host sets all of this for the providers that it starts. Telemetry is sent as OTEL_* say, and RUST_LOG chooses what \
is logged, to standard error. It ends in order on ctrl-c and SIGTERM.

Exit codes:
  0  stopped
  1  failed
  2  the arguments are wrong
  4  NATS can't be reached";

/// The program of a provider: `main` names it, and has nothing else to do.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    name: &'static str,
    version: &'static str,
}

/// What it is told, by flags or by the environment.
#[derive(Debug, clap::Parser)]
#[command(after_help = HELP)]
struct Arguments {
    /// Which of the declared providers it is
    #[arg(long, env = variable::PROVIDER, hide_env_values = true)]
    name: ProviderName,
    /// The NATS server, or several with commas between them
    #[arg(long, env = variable::NATS, value_name = "URL", default_value = NATS_DEFAULT, hide_env_values = true)]
    nats: String,
    /// A NATS credentials file
    #[arg(long, env = variable::CREDS, value_name = "FILE", hide_env_values = true)]
    creds: Option<PathBuf>,
    /// The lattice
    #[arg(long, env = variable::LATTICE, value_name = "NAME", default_value_t, hide_env_values = true)]
    lattice: LatticeId,
    /// Where metrics are shown: GET /metrics, and GET /healthz
    #[arg(long, env = lattice_telemetry::LISTEN, value_name = "ADDR", hide_env_values = true)]
    metrics: Option<SocketAddr>,
}

impl Program {
    /// A program by its name and version: those of its crate, `env!("CARGO_PKG_NAME")` and
    /// `env!("CARGO_PKG_VERSION")`.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version }
    }

    /// Runs the provider that `build` makes, until the process is told to stop.
    pub async fn serve<P, B, F>(self, build: B) -> ExitCode
    where
        P: Provider,
        B: FnOnce(Client) -> F,
        F: Future<Output = Result<P, Error>>,
    {
        self.run(|options, shutdown| crate::run(options, build, shutdown))
            .await
    }

    /// The same for a provider that has more to do around [`run`](crate::run()).
    pub async fn run<F>(self, run: impl FnOnce(Options, CancellationToken) -> F) -> ExitCode
    where
        F: Future<Output = Result<(), Error>>,
    {
        let arguments = match self.arguments(std::env::args_os()) {
            Ok(arguments) => arguments,
            Err(told) => {
                // Help, the version, or what is wrong. Who reads it may be gone.
                let _ = told.print();
                return u8::try_from(told.exit_code()).unwrap_or(USAGE).into();
            }
        };
        log();
        match self.until_stopped(arguments, run).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                error!("{error}");
                status(&error).into()
            }
        }
    }

    async fn until_stopped<F>(
        self,
        arguments: Arguments,
        run: impl FnOnce(Options, CancellationToken) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let shutdown = process::shutdown()
            .map_err(|error| Error::provider(format!("failed to listen for signals: {error}")))?;
        let metrics = arguments.metrics;
        run_shown(self.name, arguments.options()?, metrics, shutdown, run).await
    }

    /// `Err` is also what was asked for: help, or the version.
    fn arguments(
        self,
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Arguments, clap::Error> {
        let command = Arguments::command()
            .name(self.name)
            .version(self.version)
            .about(format!("The provider {}", self.name));
        Arguments::from_arg_matches(&command.try_get_matches_from(words)?)
    }
}

impl Arguments {
    fn options(self) -> Result<Options, Error> {
        let client = lattice_client::Options {
            nats: self.nats,
            creds: self.creds,
            lattice: self.lattice,
            name: format!("lattice-provider-{}", self.name),
        };
        let process = process::own_id().map_err(|error| Error::provider(error.to_string()))?;
        Ok(Options {
            process,
            ..Options::new(client, self.name)
        })
    }
}

/// Logs to standard error from here on.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    // An error means that somebody logs already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .try_init();
}

fn status(error: &Error) -> u8 {
    match error.is_unreachable() {
        true => process::UNREACHABLE,
        false => 1,
    }
}

#[cfg(test)]
#[path = "program_test.rs"]
mod tests;
