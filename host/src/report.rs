//! What this host says of itself, and when: `host.joined`, a heartbeat, `host.left`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lattice_protocol::event::Kind;
use lattice_protocol::heartbeat::HEARTBEAT_BYTES_MAX;
use lattice_protocol::id::{HostId, ProcessId};
use lattice_protocol::report::{
    ActorReport, AssignmentRevision, HEARTBEAT_INTERVAL, Phase, Report,
};
use serde::Serialize;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::actor::Actors;
use crate::event::Events;
use crate::heartbeat::telling::Telling;
use crate::labels::{Error as LabelsError, Labels};
use crate::provider::Providers;

/// What an event adds to the report that it carries.
const ENVELOPE_BYTES_MAX: usize = 1024;

/// Builds and sends this host's reports; clones are cheap and share the labels.
#[derive(Clone)]
pub struct Reporter {
    host: HostId,
    capacity: u32,
    started: Instant,
    labels: Arc<Mutex<Labels>>,
    actors: Actors,
    providers: Providers,
    events: Events,
    /// The assignment that actors and providers were told last.
    assignment: Arc<Mutex<Option<AssignmentRevision>>>,
    /// Whether somebody asked for all of the report.
    is_asked: Arc<AtomicBool>,
}

impl Reporter {
    /// Reports of a host that starts now.
    pub fn new(
        host: HostId,
        capacity: u32,
        labels: Labels,
        actors: Actors,
        providers: Providers,
        events: Events,
    ) -> Self {
        let labels = Arc::new(Mutex::new(labels));
        Self {
            host,
            capacity,
            started: Instant::now(),
            labels,
            actors,
            providers,
            events,
            assignment: Arc::default(),
            is_asked: Arc::default(),
        }
    }

    /// The host and everything that runs on it, now.
    pub fn report(&self) -> Report {
        // Before what runs is looked at: what is said of it is of this assignment, or of a later one.
        let assignment = *self.assignment();
        Report {
            assignment,
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            labels: self.labels(),
            capacity: self.capacity,
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            connection: self.events.connection(),
            actors: self.actors.report(),
            providers: self.providers.report(),
        }
    }

    /// Actors and providers have been told this assignment.
    pub fn follows(&self, assignment: AssignmentRevision) {
        *self.assignment() = Some(assignment);
    }

    fn assignment(&self) -> MutexGuard<'_, Option<AssignmentRevision>> {
        self.assignment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The labels as they are.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.labels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
    }

    /// Sets labels, and removes those without a value; answers them all. They hold over a restart.
    pub async fn label(
        &self,
        changes: BTreeMap<String, Option<String>>,
    ) -> Result<BTreeMap<String, String>, LabelsError> {
        let labels = self.labels.clone();
        let change = move || {
            let mut labels = labels.lock().unwrap_or_else(PoisonError::into_inner);
            labels.change(changes)
        };
        let changed = tokio::task::spawn_blocking(change).await;
        changed.unwrap_or_else(|error| Err(LabelsError::Kept(error.to_string())))
    }

    /// Says that this host is here.
    pub async fn joined(&self, bytes_max: usize) {
        self.say(Kind::HostJoined, bytes_max).await;
    }

    /// Says that this host leaves: the others give its work away at once.
    pub async fn left(&self, bytes_max: usize) {
        self.say(Kind::HostLeft, bytes_max).await;
    }

    /// The next heartbeat says all, however many have asked for it.
    pub fn ask(&self) {
        self.is_asked.store(true, Ordering::Release);
    }

    /// Sends a heartbeat now and every [`HEARTBEAT_INTERVAL`], until `stop`.
    pub async fn heartbeat(self, bytes_max: usize, stop: CancellationToken) {
        let bytes_max = bytes_max.min(HEARTBEAT_BYTES_MAX);
        let bytes_max = bytes_max.saturating_sub(ENVELOPE_BYTES_MAX);
        let mut telling = Telling::new(ProcessId::random());
        let mut tick = tokio::time::interval(HEARTBEAT_INTERVAL);
        // After a pause of the machine one heartbeat says all that ten would.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => self.beat(&mut telling, bytes_max).await,
            }
        }
    }

    async fn beat(&self, telling: &mut Telling, bytes_max: usize) {
        // What nobody hears counts as not said.
        if !self.events.are_heard() {
            return;
        }
        let is_asked = self.is_asked.swap(false, Ordering::AcqRel);
        for beat in telling.beat(self.report(), is_asked, bytes_max) {
            self.publish(Kind::HostHeartbeat, beat).await;
        }
    }

    async fn publish(&self, kind: Kind, data: impl Serialize) {
        let subject = format!("host/{}", self.host);
        self.events.publish(kind, subject, data).await;
    }

    async fn say(&self, kind: Kind, bytes_max: usize) {
        let report = fitted(self.report(), bytes_max.saturating_sub(ENVELOPE_BYTES_MAX));
        self.publish(kind, report).await;
    }
}

/// The report of a host that joins or leaves, shortened until it fits in one message. Idle actors go first, as peers lose least without them; then all of them. The whole
/// is always in the inventory.
fn fitted(mut report: Report, bytes_max: usize) -> Report {
    let size = |report: &Report| serde_json::to_vec(report).map_or(0, |bytes| bytes.len());
    if size(&report) <= bytes_max {
        return report;
    }
    report.actors.retain(|_, actor| !is_idle(actor));
    if size(&report) > bytes_max {
        report.actors.clear();
    }
    report
}

fn is_idle(actor: &ActorReport) -> bool {
    actor.busy == 0 && actor.waiting == 0 && actor.phase == Phase::Running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::testing::{actor, with_actors};

    fn report(busy: u32, idle: u32) -> Report {
        let busy = (0..busy).map(|n| (format!("busy-{n}"), actor(1)));
        let idle = (0..idle).map(|n| (format!("idle-{n}"), actor(0)));
        with_actors("h", busy.chain(idle))
    }

    #[test]
    fn a_report_that_is_too_large_leaves_out_what_matters_least() {
        assert_eq!(fitted(report(3, 3), 10_000).actors.len(), 6);
        assert_eq!(fitted(report(3, 1_000), 10_000).actors.len(), 3);
        assert_eq!(fitted(report(1_000, 1_000), 10_000).actors.len(), 0);
    }
}
