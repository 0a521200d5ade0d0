//! Events of this host: CloudEvents to whoever listens.

use lattice_client::{Client, now_rfc3339};
use lattice_protocol::event::{Event, Kind};
use lattice_protocol::id::HostId;
use lattice_protocol::report::Connection;
use serde::Serialize;

/// Publishes events in this host's name; clones are cheap.
#[derive(Clone)]
pub struct Events {
    client: Client,
    host: HostId,
}

impl Events {
    /// Events of `host`.
    pub fn new(client: Client, host: HostId) -> Self {
        Self { client, host }
    }

    /// The connection over which they go.
    pub fn connection(&self) -> Option<Connection> {
        self.client.connection()
    }

    /// Whether anything said now leaves this host.
    pub fn are_heard(&self) -> bool {
        self.client.is_connected()
    }

    /// Publishes one event about `subject` (`actor/counter`). Nobody waits for it: without a
    /// connection it is lost, and what it tells stands in the host's report as well.
    pub async fn publish(&self, kind: Kind, subject: String, data: impl Serialize) {
        let event = self.event(kind, subject, data);
        self.client.publish_event(kind, &event).await;
    }

    /// An event in this host's name, of now.
    pub fn event<T: Serialize>(&self, kind: Kind, subject: String, data: T) -> Event<T> {
        let lattice = self.client.lattice();
        Event::new(lattice, &self.host, kind, subject, now_rfc3339(), data)
    }
}
