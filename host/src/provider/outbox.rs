//! The way out: what a provider says and what becomes of it, published by one task for all.
//!
//! Supervisors never wait for NATS: both queues are bounded, and what does not fit is left out.

use std::time::Duration;

use lattice_client::{Client, now_rfc3339};
use lattice_protocol::event::Kind;
use lattice_protocol::id::{HostId, ProviderName};
use lattice_protocol::log::{Level, Record, Stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::event::Events;

/// Log records that may wait: a second of a few busy providers.
const RECORDS_MAX: usize = 1024;
/// Events that may wait: one provider makes a few a second at most, and only while it crashes.
const EVENTS_MAX: usize = 1024;
/// How long one message may take to be handed to NATS: past that the connection is stuck, and a
/// shutdown must not wait for it.
const PUBLISH_MAX: Duration = Duration::from_secs(1);

/// What becomes of a provider.
#[derive(Debug)]
pub(super) struct News {
    pub(super) kind: Kind,
    pub(super) provider: ProviderName,
    pub(super) detail: Detail,
}

/// What an event of a provider carries.
#[derive(Debug, Default, Serialize)]
pub(super) struct Detail {
    pub(super) app: String,
    pub(super) revision: String,
    pub(super) restarts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    /// How its process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit: Option<String>,
    /// The last that it said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lines: Vec<String>,
    /// The pause until it is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again_in_ms: Option<u64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// Where the supervisor of one provider, and the readers of its output, put what they have to say.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    host: HostId,
    provider: ProviderName,
    records: mpsc::Sender<Record>,
    news: mpsc::Sender<News>,
}

/// The other end.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) records: mpsc::Receiver<Record>,
    pub(super) news: mpsc::Receiver<News>,
}

/// Makes outboxes that lead to one [`Mail`].
#[derive(Debug, Clone)]
pub(super) struct Post {
    host: HostId,
    records: mpsc::Sender<Record>,
    news: mpsc::Sender<News>,
}

impl Post {
    pub(super) fn new(host: HostId) -> (Self, Mail) {
        let (record, records) = mpsc::channel(RECORDS_MAX);
        let (event, news) = mpsc::channel(EVENTS_MAX);
        (
            Self {
                host,
                records: record,
                news: event,
            },
            Mail { records, news },
        )
    }

    pub(super) fn outbox(&self, provider: &ProviderName) -> Outbox {
        Outbox {
            host: self.host.clone(),
            provider: provider.clone(),
            records: self.records.clone(),
            news: self.news.clone(),
        }
    }
}

impl Outbox {
    /// Passes a line on; false if there was no room for it.
    ///
    /// Both streams count as information: programs log to either, and only they know how serious
    /// a line is.
    pub(super) fn say(&self, stream: Stream, message: String) -> bool {
        info!(provider = %self.provider, %stream, "{message}");
        self.put(Level::Info, stream, message)
    }

    /// Says how many lines were left out.
    pub(super) fn left_out(&self, lines: u64, why: &str) {
        let message = format!("{lines} lines were left out: {why}");
        warn!(provider = %self.provider, "{message}");
        self.put(Level::Warn, Stream::Host, message);
    }

    fn put(&self, level: Level, stream: Stream, message: String) -> bool {
        let record = Record {
            time: now_rfc3339(),
            target: (&self.provider).into(),
            host: self.host.clone(),
            level,
            stream,
            call: None,
            trace: None,
            message,
        };
        self.records.try_send(record).is_ok()
    }

    /// Tells the lattice.
    pub(super) fn tell(&self, kind: Kind, detail: Detail) {
        let news = News {
            kind,
            provider: self.provider.clone(),
            detail,
        };
        if self.news.try_send(news).is_err() {
            warn!(provider = %self.provider, %kind, "an event was left out: too many wait");
        }
    }
}

/// Publishes until every outbox and the post are gone and all is out.
pub(super) async fn publish(client: Client, events: Events, mut mail: Mail) {
    loop {
        let sent = tokio::select! {
            biased;
            Some(news) = mail.news.recv() => {
                let subject = format!("provider/{}", news.provider);
                let published = events.publish(news.kind, subject, news.detail);
                tokio::time::timeout(PUBLISH_MAX, published).await.is_ok()
            }
            Some(record) = mail.records.recv() => {
                tokio::time::timeout(PUBLISH_MAX, client.publish_log(&record)).await.is_ok()
            }
            else => return,
        };
        if !sent {
            tracing::debug!("not published in time");
        }
    }
}
