//! `lattice config`.

use lattice_protocol::control::{ByConfig, ConfigPut, NamedConfig, Verb};
use lattice_protocol::id::AppName;

use super::pair;
use crate::connection::Connection;
use crate::ui;

/// Set, print and remove named configs, which the lattice keeps. An actor's own config is another:
/// see `update`.
#[derive(Debug, clap::Args)]
pub struct Config {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigVerb {
    /// Set a config, whole: what is not given is gone.
    Put(Put),
    /// Print a config.
    Get(Get),
    /// Remove a config.
    Delete(Delete),
}

#[derive(Debug, clap::Args)]
struct Put {
    /// The config.
    name: AppName,

    /// Its values.
    #[arg(value_name = "K=V", value_parser = pair::read)]
    values: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
struct Get {
    /// The config.
    name: AppName,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// The config.
    name: AppName,
}

impl Config {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        match self.verb {
            ConfigVerb::Put(verb) => verb.run(connection).await,
            ConfigVerb::Get(verb) => verb.run(connection).await,
            ConfigVerb::Delete(verb) => verb.run(connection).await,
        }
    }
}

impl Put {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ConfigPut {
            name: self.name,
            values: self.values.into_iter().collect(),
        };
        let config: NamedConfig = client.control(Verb::ConfigPut, &request).await?;
        ui::out(format_args!(
            "config {} is at revision {}",
            config.name, config.revision
        ))
    }
}

impl Get {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByConfig { name: self.name };
        let config: NamedConfig = client.control(Verb::ConfigGet, &request).await?;
        if self.json {
            return ui::json::print(&config);
        }
        let rows = config.values.into_iter().map(|(key, value)| [key, value]);
        ui::table::print(["KEY", "VALUE"], rows.collect(), "no values")
    }
}

impl Delete {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByConfig { name: self.name };
        let config: NamedConfig = client.control(Verb::ConfigDelete, &request).await?;
        ui::out(format_args!("config {} is deleted", config.name))
    }
}
