//! Events: CloudEvents 1.0 as JSON, one on `lattice.<L>.evt.<noun>.<what>` for everything that changes.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, HostId, LatticeId};
use crate::words::words;

/// What an event's type begins with, before its kind.
const TYPE_PREFIX: &str = "lattice.";

words! {
    /// What happened.
    Kind {
        /// An actor answers calls on a host.
        ActorStarted = "actor.started",
        /// An actor was stopped on a host.
        ActorStopped = "actor.stopped",
        /// An actor's share of a host changed.
        ActorScaled = "actor.scaled",
        /// An actor runs a new revision on a host.
        ActorUpdated = "actor.updated",
        /// An actor could not be started on a host.
        ActorFailed = "actor.failed",
        /// An app was declared or changed.
        AppApplied = "app.applied",
        /// An update of an app that no host could start was taken back.
        AppRolledBack = "app.rolled-back",
        /// An app was removed.
        AppDeleted = "app.deleted",
        /// A link was declared or changed.
        LinkPut = "link.put",
        /// A link was removed.
        LinkDeleted = "link.deleted",
        /// A provider's process was started.
        ProviderStarted = "provider.started",
        /// A provider's process was stopped as asked.
        ProviderStopped = "provider.stopped",
        /// A provider's process ended by itself.
        ProviderCrashed = "provider.crashed",
        /// A provider could not be started, or is given up.
        ProviderFailed = "provider.failed",
        /// A control request changed something.
        AuditChanged = "audit.changed",
        /// A control request that would have changed something was refused.
        AuditRefused = "audit.refused",
        /// A host joined the lattice.
        HostJoined = "host.joined",
        /// A host left the lattice in order.
        HostLeft = "host.left",
        /// A host begins to lead.
        HostLeads = "host.leads",
        /// A host's report.
        HostHeartbeat = "host.heartbeat",
    }
}

/// An event as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event<T> {
    /// Always `1.0`.
    pub specversion: String,
    /// Unlike any other of its source.
    pub id: String,
    /// `/lattice/<L>/host/<host>`.
    pub source: String,
    /// `lattice.<noun>.<what>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339, by the sender's clock: for people only, nothing is decided by it.
    pub time: String,
    /// What it is about: `actor/counter`, `host/…`.
    pub subject: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// What happened, in full.
    pub data: T,
}

impl<T> Event<T> {
    /// An event of `host` about `subject` at `time` (RFC 3339).
    pub fn new(
        lattice: &LatticeId,
        host: &HostId,
        kind: Kind,
        subject: String,
        time: String,
        data: T,
    ) -> Self {
        Self {
            specversion: "1.0".into(),
            id: CallId::new().to_string(),
            source: format!("/lattice/{lattice}/host/{host}"),
            kind: format!("{TYPE_PREFIX}{kind}"),
            time,
            subject,
            datacontenttype: "application/json".into(),
            data,
        }
    }

    /// Whether it is of this kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind.strip_prefix(TYPE_PREFIX) == Some(kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_what_cloudevents_requires() {
        let event = Event::new(
            &LatticeId::default(),
            &"h1".parse().unwrap(),
            Kind::ActorStarted,
            "actor/counter".into(),
            "2026-01-02T03:04:05Z".into(),
            serde_json::json!({"revision": "abc"}),
        );
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["specversion"], "1.0");
        assert_eq!(json["type"], "lattice.actor.started");
        assert!(event.is(Kind::ActorStarted) && !event.is(Kind::ActorStopped));
        assert_eq!(json["source"], "/lattice/default/host/h1");
        assert_eq!(json["data"]["revision"], "abc");
    }
}
