//! `lattice update`.

use std::path::Path;

use lattice_client::Client;
use lattice_config::ComponentRef;
use lattice_protocol::control::{ActorUpdate, Applied, Verb};
use lattice_protocol::id::ActorName;

use super::app::Outcome;
use super::{pair, push};
use crate::connection::Connection;
use crate::exit::Usage;
use crate::ui::Progress;

/// Give an actor another component, another config, or both, without a failed call. What its
/// manifest says is declared again by the next apply.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    /// The actor.
    actor: ActorName,

    /// The new component: a file, which is pushed, or the digest of a stored one.
    #[arg(long, value_name = "FILE|DIGEST", group = "change")]
    component: Option<ComponentRef>,

    /// One value of the new config; may be given several times. What is not given is gone.
    #[arg(long, value_name = "K=V", value_parser = pair::read, group = "change")]
    config: Vec<(String, String)>,

    /// Only if its app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

impl Update {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let component = match self.component {
            Some(component) => Some(stored(&client, component).await?),
            None => None,
        };
        let config = (!self.config.is_empty()).then(|| self.config.into_iter().collect());
        let request = ActorUpdate {
            name: self.actor,
            component,
            config,
            if_revision: self.if_revision,
        };
        let applied: Applied = client.control(Verb::ActorUpdate, &request).await?;
        self.outcome.of(&client, &applied).await
    }
}

/// The digest of a component; a file is pushed first.
async fn stored(client: &Client, component: ComponentRef) -> anyhow::Result<String> {
    let digest = match component {
        ComponentRef::Digest(digest) => digest,
        ComponentRef::File(file) => {
            let artifacts = client.artifacts().await?;
            push::push(&artifacts, Path::new(&file), &Progress::new()).await?
        }
        ComponentRef::Oci(reference) => {
            let what = format!(
                "component {reference} is no file and no digest: pull it, and name the file"
            );
            return Err(Usage(what).into());
        }
    };
    Ok(digest.to_string())
}
