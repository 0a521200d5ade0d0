//! `lattice delete`.

use lattice_protocol::control::{Applied, ByApp, Verb};
use lattice_protocol::id::AppName;

use super::app::Outcome;
use crate::connection::Connection;

/// Remove an app, and stop what it declared. What its providers stored stays.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The app.
    app: AppName,

    /// Only if the app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Delete {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByApp {
            name: self.app,
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::AppDelete, &request).await?;
        self.outcome.of(&client, &applied).await
    }
}
