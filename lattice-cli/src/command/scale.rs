//! `lattice scale`.

use lattice_protocol::control::{ActorScale, Applied, Verb};
use lattice_protocol::id::ActorName;

use super::app::Outcome;
use crate::connection::Connection;

/// Set how many calls an actor may serve at once over the whole lattice; 0 stops it and keeps it
/// declared.
#[derive(Debug, clap::Args)]
pub struct Scale {
    /// The actor.
    actor: ActorName,

    /// How many instances.
    #[arg(value_name = "N")]
    instances: u32,

    /// Only if its app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Scale {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ActorScale {
            name: self.actor,
            instances: self.instances,
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::ActorScale, &request).await?;
        self.outcome.of(&client, &applied).await
    }
}
