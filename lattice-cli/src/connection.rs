//! Where the lattice is: what every command takes.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lattice_client::process::{NATS_DEFAULT, variable};
use lattice_client::{Client, Options};
use lattice_protocol::id::LatticeId;

/// The folder in which `up` keeps its data, beside the manifest.
pub(crate) const DATA_FOLDER: &str = ".lattice";
/// The file in that folder that names the server of a running `up`.
pub(crate) const NATS_URL_FILE: &str = "nats.url";

/// Which lattice, and how to reach it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Lattice")]
pub struct Connection {
    /// NATS server, or several with commas between them; default: that of a `lattice up` in this
    /// folder (.lattice/nats.url), else nats://127.0.0.1:4222.
    #[arg(
        long,
        global = true,
        env = variable::NATS,
        value_name = "URL",
        hide_env_values = true
    )]
    pub nats: Option<String>,

    /// NATS credentials file.
    #[arg(
        long,
        global = true,
        env = variable::CREDS,
        value_name = "FILE",
        hide_env_values = true
    )]
    pub creds: Option<PathBuf>,

    /// Name of the lattice.
    #[arg(
        long,
        global = true,
        env = variable::LATTICE,
        hide_env_values = true,
        value_name = "NAME",
        default_value_t
    )]
    pub lattice: LatticeId,
}

impl Connection {
    /// The server's address.
    pub fn url(&self) -> String {
        let file = Path::new(DATA_FOLDER).join(NATS_URL_FILE);
        let of_up = || Some(std::fs::read_to_string(file).ok()?.trim().to_owned());
        let named = self
            .nats
            .clone()
            .or_else(of_up)
            .filter(|url| !url.is_empty());
        named.unwrap_or_else(|| NATS_DEFAULT.to_owned())
    }

    /// What a process of this name connects with.
    pub fn options(&self, name: impl Into<String>) -> Options {
        Options {
            nats: self.url(),
            creds: self.creds.clone(),
            lattice: self.lattice.clone(),
            name: name.into(),
        }
    }

    /// Connects a command.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let client = Client::connect(self.options("lattice"))
            .await
            .context("the lattice can't be reached")?;
        Ok(client.with_author(&author()))
    }
}

/// Who asks, as the audit trail shows it: a person reads it, and nothing is decided by it.
fn author() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    match std::fs::read_to_string("/etc/hostname") {
        Ok(machine) => format!("{user}@{}", machine.trim()),
        Err(_) => user,
    }
}
