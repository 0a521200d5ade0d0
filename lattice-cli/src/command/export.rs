//! `lattice export`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lattice_client::Client;
use lattice_config::App;
use lattice_protocol::control::{AppSummary, ByConfig, ConfigSummary, NamedConfig, Nothing, Verb};
use lattice_protocol::id::{AppName, LatticeId};
use serde::{Deserialize, Serialize};

use super::app::exported;
use crate::connection::Connection;
use crate::ui;

/// What this version writes, and the newest that it reads.
pub(super) const FORMAT: u64 = 1;

/// Write everything that is declared to standard output, as one JSON document that `import` takes: all
/// apps and all named configs. What providers stored is not in it.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Also save the components that the apps name, each as DIR/DIGEST.wasm.
    #[arg(long, value_name = "DIR")]
    components: Option<PathBuf>,
}

/// Everything that is declared.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) format: u64,
    /// Where it is from: it may be declared in another.
    pub(super) lattice: LatticeId,
    pub(super) apps: BTreeMap<AppName, ExportedApp>,
    pub(super) configs: BTreeMap<AppName, ExportedConfig>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportedApp {
    /// Which it was, for people.
    pub(super) revision: u64,
    pub(super) manifest: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportedConfig {
    /// Which it was, for people.
    pub(super) revision: u64,
    pub(super) values: BTreeMap<String, String>,
}

impl Export {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut document = Document {
            format: FORMAT,
            lattice: connection.lattice.clone(),
            apps: BTreeMap::new(),
            configs: BTreeMap::new(),
        };
        let apps: Vec<AppSummary> = client.control(Verb::AppList, &Nothing {}).await?;
        for summary in apps {
            // One that was deleted meanwhile is not declared.
            let Some((export, app)) = exported(&client, &summary.name).await? else {
                continue;
            };
            if let Some(folder) = &self.components {
                save_components(&client, &app, folder).await?;
            }
            let app = ExportedApp {
                revision: export.revision,
                manifest: export.manifest,
            };
            document.apps.insert(export.name, app);
        }
        let configs: Vec<ConfigSummary> = client.control(Verb::ConfigList, &Nothing {}).await?;
        for summary in configs {
            let config = config(&client, summary.name).await?;
            let exported = ExportedConfig {
                revision: config.revision,
                values: config.values,
            };
            document.configs.insert(config.name, exported);
        }
        ui::json::print(&document)
    }
}

async fn config(client: &Client, name: AppName) -> anyhow::Result<NamedConfig> {
    let request = ByConfig {
        name,
        if_revision: None,
    };
    Ok(client.control(Verb::ConfigGet, &request).await?)
}

async fn save_components(client: &Client, app: &App, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    let artifacts = client.artifacts().await?;
    for digest in app
        .actors
        .values()
        .filter_map(|actor| actor.component.digest())
    {
        let path = folder.join(format!("{}.wasm", digest.hex()));
        if !path.exists() {
            let bytes = artifacts.pull(digest).await?;
            std::fs::write(&path, bytes)
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
    }
    Ok(())
}
