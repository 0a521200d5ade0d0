//! `lattice inspect`.

use lattice_protocol::control::{ActorDetail, ByActor, Verb};
use lattice_protocol::id::ActorName;

use crate::connection::Connection;
use crate::ui;

/// Show what an actor exports, with signatures, and what it imports, with who answers.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// The actor.
    actor: ActorName,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByActor {
            name: self.actor,
            if_revision: None,
        };
        let detail: ActorDetail = client.control(Verb::ActorInspect, &request).await?;
        if self.json {
            return ui::json::print(&detail);
        }
        ui::out(format_args!(
            "actor {}, component {}",
            detail.name, detail.component
        ))?;
        list("exports", detail.endpoints.iter())?;
        list("imports", detail.imports.iter())
    }
}

fn list<'a>(
    what: &str,
    entries: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
) -> anyhow::Result<()> {
    ui::out(format_args!(
        "{what}:{}",
        if entries.len() == 0 { " none" } else { "" }
    ))?;
    for (name, text) in entries {
        // A signature may already begin with the function's name.
        let line = if text.starts_with(name.as_str()) {
            text.clone()
        } else {
            format!("{name}: {text}")
        };
        ui::out(format_args!("  {line}"))?;
    }
    Ok(())
}
