//! `lattice label`.

use lattice_protocol::control::{HostLabel, HostLabels, HostSummary, HostVerb, Nothing, Verb};

use super::pair;
use crate::connection::Connection;
use crate::{present, ui};

/// Set and remove labels of a host that runs, and print all that it has: work moves at once to where
/// `require` wants it. They hold when the host is started again.
#[derive(Debug, clap::Args)]
pub struct Label {
    /// The host, as `ps` lists it.
    #[arg(value_name = "HOST")]
    host: String,

    /// Labels to set.
    #[arg(value_name = "K=V", value_parser = pair::read)]
    labels: Vec<(String, String)>,

    /// Remove this label; may be given several times.
    #[arg(long, value_name = "K")]
    remove: Vec<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Label {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let hosts: Vec<HostSummary> = client.control(Verb::HostList, &Nothing {}).await?;
        let host = present::host(&client, &self.host, &hosts).await?;
        let removed = self.remove.into_iter().map(|key| (key, None));
        let set = self.labels.into_iter().map(|(k, v)| (k, Some(v)));
        let request = HostLabel {
            labels: removed.chain(set).collect(),
        };
        let all: HostLabels = client
            .control_host(&host, HostVerb::Label, &request)
            .await?;
        if self.json {
            return ui::json::print(&all);
        }
        all.labels
            .iter()
            .try_for_each(|(key, value)| ui::out(format_args!("{key}={value}")))
    }
}
