//! `lattice config`.

use lattice_protocol::control::{ByConfig, ConfigPut, ConfigSummary, NamedConfig, Nothing, Verb};
use lattice_protocol::id::AppName;

use super::pair;
use crate::connection::Connection;
use crate::ui;

/// Set, print and remove named configs, which the lattice keeps. An actor reads those that its
/// manifest lists as `config_from`, under its own config, and sees a change in its next call.
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
    /// List the configs.
    List(List),
}

#[derive(Debug, clap::Args)]
struct Put {
    /// The config.
    name: AppName,

    /// Its values.
    #[arg(value_name = "K=V", value_parser = pair::read)]
    values: Vec<(String, String)>,

    /// Only if the config is still at this revision; 0: only if it is not set yet.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
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

    /// Only if the config is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        match self.verb {
            ConfigVerb::Put(verb) => verb.run(connection).await,
            ConfigVerb::Get(verb) => verb.run(connection).await,
            ConfigVerb::Delete(verb) => verb.run(connection).await,
            ConfigVerb::List(verb) => verb.run(connection).await,
        }
    }
}

impl Put {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ConfigPut {
            name: self.name,
            values: self.values.into_iter().collect(),
            if_revision: self.if_revision,
        };
        let config: NamedConfig = client.control(Verb::ConfigPut, &request).await?;
        if self.json {
            return ui::json::print(&config);
        }
        ui::out(format_args!(
            "config {} is at revision {}",
            config.name, config.revision
        ))
    }
}

impl Get {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByConfig {
            name: self.name,
            if_revision: None,
        };
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
        let request = ByConfig {
            name: self.name,
            if_revision: self.if_revision,
        };
        let config: NamedConfig = client.control(Verb::ConfigDelete, &request).await?;
        if self.json {
            return ui::json::print(&config);
        }
        ui::out(format_args!("config {} is deleted", config.name))
    }
}

impl List {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let configs: Vec<ConfigSummary> = client.control(Verb::ConfigList, &Nothing {}).await?;
        if self.json {
            return ui::json::print(&configs);
        }
        let rows = configs.into_iter().map(|config| {
            let revision = config.revision.to_string();
            [config.name.to_string(), revision, config.keys.join(" ")]
        });
        ui::table::print(["CONFIG", "REVISION", "KEYS"], rows.collect(), "no configs")
    }
}
