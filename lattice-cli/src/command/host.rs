//! `lattice host`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use host::reconcile::collector::{GRACE_DEFAULT, GRACE_S_MIN};
use lattice_client::Replicas;
use lattice_client::process::{self, variable};
use lattice_protocol::id::HostId;
use lattice_telemetry::Telemetry;

use super::allow::Allowed;
use super::pair;
use crate::connection::{Connection, DATA_FOLDER};
use crate::{inline, logging};

/// Join this machine to a lattice: run what is assigned to it until ctrl-c, or until standard input
/// ends if LATTICE_SUPERVISED=1.
#[derive(Debug, clap::Args)]
pub struct Host {
    /// Id of the host; default: the one in its data folder, or a new one.
    #[arg(long, value_name = "ID")]
    id: Option<HostId>,

    /// Label that placement may require; may be given several times.
    #[arg(long = "label", value_name = "K=V", value_parser = pair::read)]
    labels: Vec<(String, String)>,

    /// How many instances the host takes in all.
    #[arg(long, value_name = "N", default_value_t = host::options::CAPACITY_DEFAULT)]
    capacity: u32,

    /// How many MiB of memory payloads that are too large for one message may hold together.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = host::options::GATHERED_MIB_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..),
    )]
    gathered_mib: u32,

    #[command(flatten)]
    allow: Allowed,

    /// Folder in which each provider has credentials of its own, NAME.creds; without it providers have
    /// the host's.
    #[arg(long, env = variable::PROVIDER_CREDS, value_name = "DIR", hide_env_values = true)]
    provider_creds: Option<PathBuf>,

    /// Folder for its id and compiled components; for one host alone [default: .lattice/host]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Credentials of the NATS system account (a NATS credentials file, or one line user:password): with
    /// them, a host that hangs is cut off NATS within 3 s, whatever the server's pings are.
    #[arg(long, env = variable::SYSTEM_CREDS, value_name = "FILE", hide_env_values = true)]
    system_creds: Option<PathBuf>,

    /// On how many servers of a NATS cluster the lattice's state and components are kept: auto (three
    /// on a cluster, else one), or 1 to 5. Those that are there with fewer get more.
    #[arg(long, env = variable::REPLICAS, value_name = "N", default_value_t, hide_env_values = true)]
    replicas: Replicas,

    /// How many seconds a component stays stored that no app and no revision which can be rolled back to
    /// refers to, while this host leads.
    #[arg(
        long,
        env = "LATTICE_COMPONENT_GRACE",
        value_name = "SECONDS",
        default_value_t = GRACE_DEFAULT.as_secs(),
        value_parser = clap::value_parser!(u64).range(GRACE_S_MIN..),
        hide_env_values = true
    )]
    component_grace: u64,

    /// Address on which metrics are shown: GET /metrics for Prometheus, and GET /healthz.
    #[arg(long, env = lattice_telemetry::LISTEN, value_name = "ADDR", hide_env_values = true)]
    metrics: Option<SocketAddr>,

    /// How log lines look; RUST_LOG chooses what is logged.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log_format: logging::Format,
}

impl Host {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        logging::start(self.log_format);
        let shutdown = process::shutdown().context("failed to listen to signals")?;
        let options = host::Options {
            client: connection.options("lattice-host"),
            system_creds: self.system_creds,
            replicas: self.replicas,
            component_grace: Duration::from_secs(self.component_grace),
            id: self.id,
            labels: self.labels.into_iter().collect(),
            capacity: self.capacity,
            gathered_bytes_max: host::options::mib(self.gathered_mib),
            allow: self.allow.into(),
            data: self
                .data
                .unwrap_or_else(|| PathBuf::from(DATA_FOLDER).join("host")),
            provider_creds: self.provider_creds,
            inline: inline::kinds(),
            program: std::env::current_exe().context("failed to find this program")?,
            telemetry: Telemetry::off(),
        };
        Ok(host::run_shown(options, self.metrics, shutdown).await?)
    }
}
