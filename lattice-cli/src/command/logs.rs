//! `lattice logs`.

use anyhow::bail;
use lattice_client::Client;
use lattice_protocol::control::{AppSummary, Nothing, Verb};
use lattice_protocol::id::{ActorName, ProviderName, TargetName};
use lattice_protocol::log::{Level, Record};
use lattice_protocol::near::nearest;

use crate::connection::Connection;
use crate::ui;

/// Follow what actors and providers log, until ctrl-c. Logs are live: what was said before this
/// command is not kept by the lattice.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// Only this actor or provider.
    target: Option<TargetName>,

    /// Follow: always so, accepted because fingers expect it.
    #[arg(short, long)]
    follow: bool,

    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Logs {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut logs = client.logs().await?;
        if let Some(target) = &self.target {
            note_unknown(&client, target).await?;
        }
        while let Some(record) = logs.next().await {
            if self
                .target
                .as_ref()
                .is_some_and(|target| *target != record.target)
            {
                continue;
            }
            if self.json {
                ui::out(serde_json::to_string(&record)?)?;
            } else {
                ui::out(line(&record))?;
            }
        }
        bail!("the connection to NATS was closed")
    }
}

/// Says that nothing of that name is declared: it may come, or be a slip.
async fn note_unknown(client: &Client, target: &TargetName) -> anyhow::Result<()> {
    let apps: Vec<AppSummary> = client.control(Verb::AppList, &Nothing {}).await?;
    let names = apps.iter().flat_map(|app| {
        let actors = app.actors.iter().map(ActorName::as_str);
        actors.chain(app.providers.iter().map(ProviderName::as_str))
    });
    let names: Vec<_> = names.collect();
    if !names.contains(&target.as_str()) {
        let meant = nearest(target.as_str(), names);
        let meant = meant.map_or_else(String::new, |name| format!(": did you mean {name}?"));
        ui::err(format_args!(
            "no actor or provider {target} is declared{meant}"
        ));
    }
    Ok(())
}

fn line(record: &Record) -> String {
    let Record {
        time,
        target,
        level,
        message,
        ..
    } = record;
    // The sender's clock to the second is enough for people.
    let time = time.get(11..19).unwrap_or(time);
    match level {
        Level::Info => format!("{time} {target}: {message}"),
        level => format!("{time} {target}: [{level}] {message}"),
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::log::Stream;

    use super::*;

    #[test]
    fn a_line_has_the_time_the_target_and_what_is_unusual() {
        let mut record = Record {
            time: "2026-01-02T03:04:05.678Z".into(),
            target: "greeter".parse().unwrap(),
            host: "h1".parse().unwrap(),
            level: Level::Info,
            stream: Stream::Stdout,
            call: None,
            trace: None,
            message: "hello".into(),
        };
        assert_eq!(line(&record), "03:04:05 greeter: hello");
        record.level = Level::Error;
        assert_eq!(line(&record), "03:04:05 greeter: [error] hello");
    }
}
