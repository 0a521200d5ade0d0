//! `lattice link`.

use std::collections::BTreeMap;

use lattice_protocol::control::{Applied, LinkDelete, LinkPut, LinkSummary, Nothing, Verb};
use lattice_protocol::id::{ActorName, LinkName, TargetName};
use lattice_protocol::interface::InterfacePattern;
use serde_json::Value;

use super::app::Outcome;
use super::pair;
use crate::connection::Connection;
use crate::ui;

/// Declare, remove and list links, one by one.
#[derive(Debug, clap::Args)]
pub struct Link {
    #[command(subcommand)]
    verb: LinkVerb,
}

#[derive(Debug, clap::Subcommand)]
enum LinkVerb {
    /// Declare a link, or change it.
    Put(Put),
    /// Remove a link.
    Delete(Delete),
    /// List the links.
    List(List),
}

/// Which link.
#[derive(Debug, clap::Args)]
struct Key {
    /// The actor that calls.
    #[arg(value_name = "ACTOR")]
    source: ActorName,

    /// What it calls: NS:PKG, or NS:PKG/INTERFACE.
    interface: InterfacePattern,

    /// Which of several links for that interface.
    #[arg(long, default_value_t)]
    name: LinkName,

    /// Only if the actor's app is still at this revision.
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,

    #[command(flatten)]
    outcome: Outcome,
}

#[derive(Debug, clap::Args)]
struct Put {
    #[command(flatten)]
    key: Key,

    /// The actor or provider that answers.
    #[arg(value_name = "TO")]
    target: TargetName,

    /// What the target is told of this pair: JSON, or text if it is none; may be given several
    /// times. What is not given is gone.
    #[arg(long, value_name = "K=V", value_parser = pair::read)]
    config: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
struct Delete {
    #[command(flatten)]
    key: Key,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Link {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        match self.verb {
            LinkVerb::Put(verb) => verb.run(connection).await,
            LinkVerb::Delete(verb) => verb.run(connection).await,
            LinkVerb::List(verb) => verb.run(connection).await,
        }
    }
}

impl Put {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = LinkPut {
            source: self.key.source,
            interface: self.key.interface,
            name: self.key.name,
            target: self.target,
            config: values(self.config),
            if_revision: self.key.if_revision,
        };
        let applied: Applied = client.control(Verb::LinkPut, &request).await?;
        self.key.outcome.of(&client, &applied).await
    }
}

impl Delete {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = LinkDelete {
            source: self.key.source,
            interface: self.key.interface,
            name: self.key.name,
            if_revision: self.key.if_revision,
        };
        let applied: Applied = client.control(Verb::LinkDelete, &request).await?;
        self.key.outcome.of(&client, &applied).await
    }
}

impl List {
    async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let links: Vec<LinkSummary> = client.control(Verb::LinkList, &Nothing {}).await?;
        if self.json {
            ui::json::print(&links)
        } else {
            table(&links)
        }
    }
}

/// Prints links as columns.
pub(super) fn table(links: &[LinkSummary]) -> anyhow::Result<()> {
    let rows = links.iter().map(|link| {
        [
            link.source.to_string(),
            link.interface.to_string(),
            link.name.to_string(),
            link.target.to_string(),
        ]
    });
    let header = ["LINK", "INTERFACE", "NAME", "TO"];
    ui::table::print(header, rows.collect(), "no links")
}

fn values(pairs: Vec<(String, String)>) -> BTreeMap<String, Value> {
    let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    pairs
        .into_iter()
        .map(|(key, value)| (key, read(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_text() {
        let pairs = [("ttl", "30"), ("bucket", "counts"), ("on", "true")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let wanted = json!({ "ttl": 30, "bucket": "counts", "on": true });
        assert_eq!(json!(values(pairs.into())), wanted);
    }
}
