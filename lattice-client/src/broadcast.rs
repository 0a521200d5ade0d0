//! Events and log records: published to whoever listens.

use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use lattice_protocol::event::{Event, Kind};
use lattice_protocol::log::Record;
use lattice_protocol::subject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::connect::Client;
use crate::serve::ServeError;

/// The time by this machine's clock, for people to read.
pub fn now_rfc3339() -> String {
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// The time that long ago, in whole seconds.
pub fn rfc3339_ago(age: Duration) -> String {
    let now = OffsetDateTime::now_utc();
    let then = now.checked_sub(age.try_into().unwrap_or_default());
    then.and_then(|then| then.replace_nanosecond(0).ok())
        .and_then(|then| then.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Events of a lattice, one by one.
pub struct Events(Subscriber);

/// Log records of a lattice, one by one.
pub struct Logs(Subscriber);

impl Client {
    /// Publishes an event. Nobody waits for it: a failure is logged and nothing else.
    pub async fn publish_event<T: Serialize>(&self, kind: Kind, event: &Event<T>) {
        self.publish_json(subject::event(&self.lattice, kind).into_string(), event)
            .await;
    }

    /// Publishes a log record.
    pub async fn publish_log(&self, record: &Record) {
        self.publish_json(
            subject::log(&self.lattice, &record.target).into_string(),
            record,
        )
        .await;
    }

    async fn publish_json(&self, subject: String, value: &impl Serialize) {
        // While disconnected, events would fill the queue that calls need.
        if !self.is_connected() {
            return;
        }
        let published = match serde_json::to_vec(value) {
            Ok(payload) if payload.len() <= self.max_payload() => self
                .nats
                .publish(subject, payload.into())
                .await
                .map_err(|e| e.to_string()),
            Ok(payload) => Err(format!("{} bytes are over max_payload", payload.len())),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = published {
            tracing::debug!(reason, "not published");
        }
    }

    /// Listens to events of one kind, or to all.
    pub async fn events(&self, kind: Option<Kind>) -> Result<Events, ServeError> {
        let subject = match kind {
            Some(kind) => subject::event(&self.lattice, kind),
            None => subject::events(&self.lattice),
        };
        self.listen(subject.into_string()).await.map(Events)
    }

    /// Listens to the log records of every target.
    pub async fn logs(&self) -> Result<Logs, ServeError> {
        self.listen(subject::logs(&self.lattice).into_string())
            .await
            .map(Logs)
    }

    async fn listen(&self, subject: String) -> Result<Subscriber, ServeError> {
        self.nats
            .subscribe(subject.clone())
            .await
            .map_err(|error| ServeError {
                subject,
                reason: error.to_string(),
            })
    }
}

impl Events {
    /// The next event that can be read as `T`; others are passed over.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Option<Event<T>> {
        next(&mut self.0).await
    }
}

impl Logs {
    /// The next record.
    pub async fn next(&mut self) -> Option<Record> {
        next(&mut self.0).await
    }
}

async fn next<T: DeserializeOwned>(messages: &mut Subscriber) -> Option<T> {
    loop {
        let message = messages.next().await?;
        if let Ok(value) = serde_json::from_slice(&message.payload) {
            return Some(value);
        }
    }
}
