//! `lattice host`.

use std::path::PathBuf;

use anyhow::Context as _;
use lattice_client::process;
use lattice_protocol::id::HostId;

use super::pair;
use crate::connection::{Connection, DATA_FOLDER};
use crate::logging;

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

    /// Folder for its id and compiled components; for one host alone [default: .lattice/host]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

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
            id: self.id,
            labels: self.labels.into_iter().collect(),
            capacity: self.capacity,
            data: self
                .data
                .unwrap_or_else(|| PathBuf::from(DATA_FOLDER).join("host")),
            program: std::env::current_exe().context("failed to find this program")?,
        };
        Ok(host::run(options, shutdown).await?)
    }
}
