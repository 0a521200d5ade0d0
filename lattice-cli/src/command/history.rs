//! `lattice history`.

use lattice_protocol::control::{ByApp, Verb};
use lattice_protocol::id::AppName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::{Of, explain};
use crate::connection::Connection;
use crate::ui;

/// List the revisions of an app, newest first: what `rollback` takes.
#[derive(Debug, clap::Args)]
pub struct History {
    /// The app.
    app: AppName,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One revision, as hosts answer it.
#[derive(Serialize, Deserialize)]
struct Revision {
    revision: u64,
    written: String,
    deleted: bool,
    version: String,
    /// What this program does not know is passed on.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl History {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByApp {
            name: self.app.clone(),
            if_revision: None,
        };
        let asked = client.control(Verb::AppHistory, &request).await;
        let revisions: Vec<Revision> = match asked {
            Ok(revisions) => revisions,
            Err(error) => return Err(explain(&client, Of::App, self.app.as_str(), error).await),
        };
        if self.json {
            return ui::json::print(&revisions);
        }
        let rows = revisions.into_iter().map(|revision| {
            let version = if revision.deleted {
                "deleted".into()
            } else {
                revision.version
            };
            [revision.revision.to_string(), version, revision.written]
        });
        ui::table::print(
            ["REVISION", "VERSION", "WRITTEN"],
            rows.collect(),
            "no revisions",
        )
    }
}
