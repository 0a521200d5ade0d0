//! `lattice history`.

use lattice_client::{Client, ControlError};
use lattice_protocol::control::{AppRevision, ByApp, RolledBack, Verb};
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
        let revisions = of(&client, &self.app).await?;
        if self.json {
            return ui::json::print(&revisions);
        }
        let rows = revisions.into_iter().map(|revision| {
            let version = if revision.deleted {
                "deleted".into()
            } else {
                revision.version
            };
            let why = revision.rolled_back.map(|back| why(&back));
            let number = revision.revision.to_string();
            [number, version, revision.written, why.unwrap_or_default()]
        });
        ui::table::print(
            ["REVISION", "VERSION", "WRITTEN", "WHY"],
            rows.collect(),
            "no revisions",
        )
    }
}

/// The revisions of an app, newest first.
pub(super) async fn of(client: &Client, app: &AppName) -> Result<Vec<AppRevision>, ControlError> {
    let request = ByApp {
        name: app.clone(),
        if_revision: None,
    };
    client.control(Verb::AppHistory, &request).await
}

/// Why a revision is there that nobody asked for.
pub(super) fn why(back: &RolledBack) -> String {
    let refused = back.refused.iter();
    let refused: Vec<_> = refused
        .map(|(actor, refused)| format!("actor {actor} can't be started: {}", refused.reason))
        .collect();
    let (from, to) = (back.from, back.to);
    format!("rolled back from {from} to {to}: {}", refused.join("; "))
}
