//! Events of this host: CloudEvents to whoever listens.

use lattice_client::{Client, now_rfc3339};
use lattice_protocol::event::{Event, Kind};
use lattice_protocol::id::HostId;
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

    /// Publishes one event about `subject` (`actor/counter`). Nobody waits for it: without a
    /// connection it is lost, and what it tells stands in the host's report as well.
    pub async fn publish(&self, kind: Kind, subject: String, data: impl Serialize) {
        let lattice = self.client.lattice();
        let event = Event::new(lattice, &self.host, kind, subject, now_rfc3339(), data);
        self.client.publish_event(kind, &event).await;
    }
}
