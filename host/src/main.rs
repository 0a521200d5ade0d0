//! `lattice-host`: this machine joins a lattice. Options → start → a signal → shutdown.
//!
//! It is `lattice host` for those who install one binary for each role.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use host::options::{CAPACITY_DEFAULT, key_value};
use host::provider::inline::Kinds;
use host::reconcile::collector::{GRACE_DEFAULT, GRACE_S_MIN};
use host::{Allow, AllowedFolder};
use lattice_client::Replicas;
use lattice_client::process::{self, NATS_DEFAULT, variable};
use lattice_config::app::{NameRule, SocketRule};
use lattice_protocol::id::{HostId, LatticeId};
use lattice_telemetry::Telemetry;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise.
const LOG_DEFAULT: &str = "info";
/// The program that carries the providers, beside this one.
const PROGRAM: &str = "lattice";

/// Joins this machine to a lattice.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The NATS server, or several with commas between them
    #[arg(long, env = variable::NATS, default_value = NATS_DEFAULT)]
    nats: String,
    /// A NATS credentials file
    #[arg(long, env = variable::CREDS)]
    creds: Option<PathBuf>,
    /// A file with the credentials of the NATS system account
    #[arg(long, env = variable::SYSTEM_CREDS)]
    system_creds: Option<PathBuf>,
    /// On how many servers of a NATS cluster state and components are kept: auto, or 1 to 5
    #[arg(long, env = variable::REPLICAS, default_value_t)]
    replicas: Replicas,
    /// How many seconds a component stays stored that no app and no kept revision refers to
    #[arg(long, env = "LATTICE_COMPONENT_GRACE", value_name = "SECONDS", default_value_t = GRACE_DEFAULT.as_secs(), value_parser = clap::value_parser!(u64).range(GRACE_S_MIN..))]
    component_grace: u64,
    /// The lattice
    #[arg(long, env = variable::LATTICE, default_value_t)]
    lattice: LatticeId,
    /// Where this host keeps its id and its compiled components
    #[arg(long, env = "LATTICE_DATA", default_value = ".lattice")]
    data: PathBuf,
    /// This host's id; the one in its data directory, or a new one, if absent
    #[arg(long, env = "LATTICE_HOST")]
    id: Option<HostId>,
    /// A label that placement may require, as KEY=VALUE; may be repeated
    #[arg(long = "label", value_parser = key_value)]
    labels: Vec<(String, String)>,
    /// How many instances this host takes in all
    #[arg(long, env = "LATTICE_CAPACITY", default_value_t = CAPACITY_DEFAULT)]
    capacity: u32,

    /// How many MiB of memory payloads that are too large for one message may hold together.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = host::options::GATHERED_MIB_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..),
    )]
    gathered_mib: u32,
    /// A folder that actors may be granted with all below it; with :ro behind it, only to be read. May
    /// be repeated
    #[arg(long = "allow-files", value_name = "DIR[:ro]")]
    allow_files: Vec<AllowedFolder>,
    /// Sockets that actors may be granted, such as tcp:10.0.0.0/8:5432; may be repeated
    #[arg(long = "allow-sockets", value_name = "[USE:]NET:PORT")]
    allow_sockets: Vec<SocketRule>,
    /// Names that actors may be granted to look up, such as *.internal; may be repeated
    #[arg(long = "allow-names", value_name = "NAME")]
    allow_names: Vec<NameRule>,
    /// Where metrics are shown: GET /metrics, and GET /healthz
    #[arg(long, env = lattice_telemetry::LISTEN, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// A folder in which each provider has credentials of its own, NAME.creds
    #[arg(long, env = variable::PROVIDER_CREDS)]
    provider_creds: Option<PathBuf>,
    /// The `lattice` program, which carries the providers; the one beside this program if absent
    #[arg(long, env = "LATTICE_PROGRAM")]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let shutdown = process::shutdown().context("failed to listen to signals")?;
    let metrics = arguments.metrics;
    host::run_shown(options(arguments)?, metrics, shutdown).await?;
    Ok(())
}

fn options(arguments: Arguments) -> anyhow::Result<host::Options> {
    let program = match arguments.program {
        Some(program) => program,
        None => beside_this()?,
    };
    let client = lattice_client::Options {
        nats: arguments.nats,
        creds: arguments.creds,
        lattice: arguments.lattice,
        name: "lattice-host".to_owned(),
    };
    Ok(host::Options {
        client,
        system_creds: arguments.system_creds,
        replicas: arguments.replicas,
        component_grace: Duration::from_secs(arguments.component_grace),
        id: arguments.id,
        labels: BTreeMap::from_iter(arguments.labels),
        capacity: arguments.capacity,
        gathered_bytes_max: host::options::mib(arguments.gathered_mib),
        allow: Allow {
            files: arguments.allow_files,
            sockets: arguments.allow_sockets,
            names: arguments.allow_names,
        },
        data: arguments.data,
        provider_creds: arguments.provider_creds,
        // This program carries no providers.
        inline: Kinds::default(),
        program,
        telemetry: Telemetry::off(),
    })
}

fn beside_this() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("failed to find this program")?;
    Ok(this.parent().unwrap_or(Path::new(".")).join(PROGRAM))
}
