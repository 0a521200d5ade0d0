//! `lattice rollback`.

use lattice_protocol::control::{AppRollback, Applied, Verb};
use lattice_protocol::id::AppName;

use super::app::Outcome;
use crate::connection::Connection;

/// Go back to an earlier revision of an app: it becomes a new revision, so that this too can be
/// rolled back.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The app.
    app: AppName,

    /// The revision to return to; default: the one before the present.
    #[arg(value_name = "REV")]
    to: Option<u64>,

    /// Only if the app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Rollback {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = AppRollback {
            name: self.app,
            to: self.to,
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::AppRollback, &request).await?;
        self.outcome.of(&client, &applied).await
    }
}
