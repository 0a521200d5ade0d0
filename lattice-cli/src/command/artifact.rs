//! `lattice artifact`.

use lattice_protocol::control::{
    ArtifactCollect, ArtifactDeleted, ArtifactSummary, ArtifactsCollected, ByDigest, Nothing, Verb,
};
use lattice_protocol::digest::Digest;

use crate::connection::Connection;
use crate::ui;

/// How much of what refers to a component is shown in a table; --json has it all.
const SHOWN_MAX: usize = 2;

/// List and remove components stored in the lattice. To store one: push.
#[derive(Debug, clap::Args)]
pub struct Artifact {
    #[command(subcommand)]
    verb: ArtifactVerb,
}

#[derive(Debug, clap::Subcommand)]
enum ArtifactVerb {
    /// List the components, with what refers to each.
    List(List),
    /// Remove a component that nothing declares.
    Delete(Delete),
    /// Remove all components that nothing refers to: no app, and no revision that can be rolled back to.
    Collect(Collect),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// The component.
    digest: Digest,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Collect {
    /// Keep those that were stored within so many seconds: whoever pushed them may be about to declare
    /// them [default: a day]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,

    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Artifact {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        match self.verb {
            ArtifactVerb::List(verb) => verb.run(connection).await,
            ArtifactVerb::Delete(verb) => verb.run(connection).await,
            ArtifactVerb::Collect(verb) => verb.run(connection).await,
        }
    }
}

impl List {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let stored: Vec<ArtifactSummary> = client.control(Verb::ArtifactList, &Nothing {}).await?;
        if self.json {
            return ui::json::print(&stored);
        }
        table(&stored, "no components")
    }
}

impl Delete {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ByDigest {
            digest: self.digest,
        };
        let deleted: ArtifactDeleted = client.control(Verb::ArtifactDelete, &request).await?;
        match (self.json, deleted.deleted) {
            (true, _) => ui::json::print(&deleted),
            (false, true) => ui::out(format_args!("{} is deleted", deleted.digest)),
            (false, false) => ui::out(format_args!("{} was not there", deleted.digest)),
        }
    }
}

impl Collect {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = ArtifactCollect {
            grace_s: self.grace,
            dry_run: self.dry_run,
        };
        let collected: ArtifactsCollected = client.control(Verb::ArtifactCollect, &request).await?;
        if self.json {
            return ui::json::print(&collected);
        }
        table(&collected.removed, "nothing to remove")?;
        let (count, kept) = (collected.removed.len(), collected.kept);
        let word = if self.dry_run {
            "would be removed"
        } else {
            "removed"
        };
        ui::out(format_args!("{count} {word}, {kept} kept"))
    }
}

fn table(stored: &[ArtifactSummary], empty: &str) -> anyhow::Result<()> {
    let rows = stored.iter().map(|artifact| {
        [
            artifact.digest.to_string(),
            format!("{} kB", artifact.bytes.div_ceil(1000)),
            artifact
                .stored
                .get(..19)
                .unwrap_or_default()
                .replace('T', " "),
            used_by(&artifact.used_by),
        ]
    });
    let header = ["COMPONENT", "SIZE", "STORED", "USED BY"];
    ui::table::print(header, rows.collect(), empty)
}

/// The first of them, and how many more there are.
fn used_by(all: &[String]) -> String {
    let first: Vec<_> = all.iter().take(SHOWN_MAX).map(String::as_str).collect();
    match all.len().saturating_sub(SHOWN_MAX) {
        0 => first.join(", "),
        more => format!("{}, {more} more", first.join(", ")),
    }
}
