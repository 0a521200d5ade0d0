//! `lattice stop`.

use lattice_protocol::control::{Applied, ByActor, Verb};
use lattice_protocol::id::ActorName;

use super::app::Outcome;
use crate::connection::Connection;

/// Remove an actor from the app that declares it. To stop it and keep it declared: `scale ACTOR 0`.
#[derive(Debug, clap::Args)]
pub struct Stop {
    /// The actor.
    actor: ActorName,

    /// Only if its app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Stop {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByActor {
            name: self.actor,
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::ActorStop, &request).await?;
        self.outcome.of(&client, &applied).await
    }
}
