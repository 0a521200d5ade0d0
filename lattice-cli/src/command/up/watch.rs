//! While everything runs: what ends by itself is reported and started again, what happens is told.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use lattice_client::Events;
use lattice_protocol::event::Kind;
use serde_json::Value;

use super::data::Data;
use super::running::{Running, Which};
use crate::command::events;
use crate::connection::Connection;
use crate::ui::Progress;

/// What ends more often than this within the window won't stay up the next time either.
const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// How often the size of the host's log is looked at.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// What is told while everything runs; actors that come and go by scaling are no news.
const TOLD: [Kind; 8] = [
    Kind::ActorFailed,
    Kind::AppApplied,
    Kind::AppDeleted,
    Kind::ProviderStarted,
    Kind::ProviderCrashed,
    Kind::ProviderFailed,
    Kind::HostJoined,
    Kind::HostLeft,
];

/// Watches until something ends so often that it is beyond help.
pub(super) async fn until_hopeless(
    mut events: Events,
    connection: &Connection,
    running: &mut Running,
    data: &Data,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut restarts = Restarts::default();
    let mut log_time = tokio::time::interval(LOG_INTERVAL);
    loop {
        tokio::select! {
            (which, error) = running.first_end() => {
                if which == Which::Host {
                    progress.note(&data.host_log().tail());
                }
                if !restarts.allow(Instant::now()) {
                    return Err(error);
                }
                progress.note(&format!("{error}: starting it again"));
                restart(which, connection, running, data).await?;
            }
            _ = log_time.tick() => {
                if let Err(error) = data.host_log().bound() {
                    progress.note(&format!("the host's log could not be put aside: {error}"));
                }
            }
            event = events.next::<Value>() => {
                let Some(event) = event else {
                    anyhow::bail!("the connection to NATS was closed");
                };
                if TOLD.iter().any(|kind| event.is(*kind)) {
                    progress.note(&events::line(&event));
                }
            }
        }
    }
}

async fn restart(
    which: Which,
    connection: &Connection,
    running: &mut Running,
    data: &Data,
) -> anyhow::Result<()> {
    match (which, &mut running.nats) {
        (Which::Nats, Some(nats)) => nats.restart().await,
        (Which::Nats, None) => Ok(()),
        (Which::Host, _) => running.start_host(connection, data),
    }
}

/// When things were started again.
#[derive(Default)]
struct Restarts(VecDeque<Instant>);

impl Restarts {
    fn allow(&mut self, now: Instant) -> bool {
        self.0
            .retain(|then| now.duration_since(*then) < RESTART_WINDOW);
        if self.0.len() == RESTARTS_MAX {
            return false;
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_too_often_is_given_up_and_what_ends_rarely_is_not() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        for n in 0..RESTARTS_MAX {
            assert!(restarts.allow(start), "{n}");
        }
        assert!(!restarts.allow(start + RESTART_WINDOW / 2));
        assert!(restarts.allow(start + RESTART_WINDOW));
    }
}
