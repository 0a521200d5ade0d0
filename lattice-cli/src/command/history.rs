//! `lattice history`.

use lattice_protocol::control::{AppRevision, ByApp, Verb};
use lattice_protocol::id::AppName;

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

impl History {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByApp {
            name: self.app,
            if_revision: None,
        };
        let revisions: Vec<AppRevision> = client.control(Verb::AppHistory, &request).await?;
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
