//! What every handler works with.

use std::sync::Arc;

use lattice_client::{Artifacts, Client, State};
use lattice_config::Declared;
use lattice_protocol::control::{Applied, AuditRecord};
use lattice_protocol::event::Kind;
use lattice_protocol::id::HostId;
use serde::Serialize;
use tokio::sync::watch;

use super::audit::trail::Trail;
use super::request::{Answer, state_problem};
use crate::actor::Actors;
use crate::event::Events;
use crate::peers::Peers;
use crate::reconcile::unplaced::Unplaced;
use crate::report::Reporter;

/// How this host was asked to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// At once, in order.
    Stop,
    /// After others have taken its work.
    Drain,
}

/// What every handler works with.
pub struct Desk {
    /// This host.
    pub host: HostId,
    /// The lattice.
    pub client: Client,
    /// What is declared.
    pub state: State,
    /// The components.
    pub artifacts: Artifacts,
    /// The hosts.
    pub peers: Peers,
    /// What runs here.
    pub actors: Actors,
    /// What this host says of itself.
    pub reporter: Reporter,
    /// Where changes are told.
    pub events: Events,
    /// Where this host is asked to leave.
    pub leave: Arc<watch::Sender<Option<Leave>>>,
    /// What is being kept of requests.
    pub trail: Trail,
}

impl Desk {
    /// Everything declared, as it stands now.
    pub(super) async fn declared(&self) -> Answer<Declared> {
        self.state.declared().await.map_err(state_problem)
    }

    /// What could not be placed, by the leader's last word.
    pub(super) async fn unplaced(&self) -> Answer<Unplaced> {
        Unplaced::read(&self.state).await.map_err(state_problem)
    }

    /// Keeps what became of a request; without the store it is in this host's log alone.
    pub(super) async fn audit(&self, kind: Kind, record: AuditRecord) {
        let about = record.about.clone();
        let event = Arc::new(self.events.event(kind, about, record));
        let (client, kept) = (self.client.clone(), event.clone());
        let work = async move { client.audit(kind, &kept).await };
        let told = move |reason| {
            tracing::warn!(target: "audit", record = ?event.data, failed = %reason, "not kept");
        };
        self.trail.keep(work, told).await;
    }

    /// Writes down a change of an app, and tells it.
    pub(super) async fn record_applied(&self, verb: &'static str, kind: Kind, applied: &Applied) {
        let what = format!("app/{}", applied.app);
        self.record(verb, kind, what, applied, applied).await;
    }

    /// The same for a change of one thing of an app; what changed nothing is not told.
    pub(super) async fn record(
        &self,
        verb: &'static str,
        kind: Kind,
        what: String,
        applied: &Applied,
        data: impl Serialize,
    ) {
        if applied.changes.is_empty() {
            return;
        }
        let revision = applied.revision;
        tracing::info!(target: "audit", verb, what, app = %applied.app, revision, "changed");
        self.events.publish(kind, what, data).await;
    }
}
