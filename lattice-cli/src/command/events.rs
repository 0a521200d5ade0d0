//! `lattice events`.

use anyhow::bail;
use lattice_protocol::event::{Event, Kind};
use serde_json::Value;

use crate::connection::Connection;
use crate::ui;

/// Follow what happens in the lattice, until ctrl-c.
#[derive(Debug, clap::Args)]
pub struct Events {
    /// Show the heartbeats of hosts too.
    #[arg(long)]
    heartbeats: bool,

    /// Print one CloudEvent as JSON a line.
    #[arg(long)]
    json: bool,
}

impl Events {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut events = client.events(None).await?;
        while let Some(event) = events.next::<Value>().await {
            if !self.heartbeats && event.is(Kind::HostHeartbeat) {
                continue;
            }
            if self.json {
                ui::out(serde_json::to_string(&event)?)?;
            } else {
                let time = event.time.get(11..19).unwrap_or(&event.time);
                ui::out(format_args!("{time} {}", line(&event)))?;
            }
        }
        bail!("the connection to NATS was closed")
    }
}

/// An event in a few words: `provider web crashed: exit status 1`.
pub(super) fn line(event: &Event<Value>) -> String {
    let what = event.kind.rsplit('.').next().unwrap_or(&event.kind);
    let subject = event.subject.replacen('/', " ", 1);
    let text = |key| event.data.get(key).and_then(Value::as_str);
    match text("reason").or_else(|| text("exit")) {
        Some(reason) => format!("{subject} {what}: {reason}"),
        None => format!("{subject} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::id::LatticeId;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_reads_like_a_sentence() {
        let event = |kind, data| {
            let host = "h1".parse().unwrap();
            Event::new(
                &LatticeId::default(),
                &host,
                kind,
                "provider/web".into(),
                String::new(),
                data,
            )
        };
        let crashed = event(Kind::ProviderCrashed, json!({"exit": "signal: 9"}));
        assert_eq!(line(&crashed), "provider web crashed: signal: 9");
        assert!(crashed.is(Kind::ProviderCrashed) && !crashed.is(Kind::HostHeartbeat));
        assert_eq!(
            line(&event(Kind::ProviderStarted, json!({}))),
            "provider web started"
        );
    }
}
