//! `lattice audit`.

use lattice_protocol::control::{AuditEntry, AuditList, Verb};

use super::app::line;
use crate::connection::Connection;
use crate::ui;

/// List who changed what, newest first: requests that changed something, and those that were refused.
#[derive(Debug, clap::Args)]
pub struct Audit {
    /// How many at most.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    limit: u32,

    /// Only those before this number.
    #[arg(long, value_name = "N")]
    before: Option<u64>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = AuditList {
            limit: Some(self.limit),
            before: self.before,
        };
        let entries: Vec<AuditEntry> = client.control(Verb::AuditList, &request).await?;
        if self.json {
            return ui::json::print(&entries);
        }
        let header = [
            "NUMBER", "TIME", "BY", "VERB", "ABOUT", "REVISION", "RESULT",
        ];
        ui::table::print(header, entries.into_iter().map(row).collect(), "no records")
    }
}

fn row(entry: AuditEntry) -> [String; 7] {
    let record = entry.record;
    let result = match (record.code, record.reason) {
        (Some(code), Some(reason)) => {
            let first = reason.lines().next().unwrap_or_default();
            format!("{code}: {first}")
        }
        (Some(code), None) => code.to_string(),
        (None, _) => record
            .changes
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let seconds = entry.at.get(..19).unwrap_or(&entry.at);
    [
        entry.number.to_string(),
        seconds.replace('T', " "),
        record.by.unwrap_or_else(|| "-".to_owned()),
        record.verb,
        record.about,
        record
            .revision
            .map_or_else(|| "-".to_owned(), |revision| revision.to_string()),
        if result.is_empty() {
            "done".to_owned()
        } else {
            result
        },
    ]
}
