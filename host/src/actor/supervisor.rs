//! Keeps one actor in line with what is assigned: one task an actor.
//!
//! An update starts the new revision, hands it the subscription, and lets the old one finish what
//! it has: no call finds nobody. A revision that can't be started leaves the one before it running.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lattice_config::AssignedActor;
use lattice_protocol::control::ActorDetail;
use lattice_protocol::error::one_line;
use lattice_protocol::event::Kind;
use lattice_protocol::id::ActorName;
use lattice_protocol::report::{ActorReport, Phase, Refused};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::Context;
use super::inbox::{self, Inbox};
use super::revision::{Error, Revision};

/// The first pause after a failed start, and the longest; it doubles in between.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// What is known of an actor here; shared with whoever asks.
#[derive(Default)]
pub(super) struct Status {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// None once it is stopped.
    phase: Option<Phase>,
    /// What is assigned: shown until something runs.
    wanted: Option<AssignedActor>,
    running: Option<Arc<Revision>>,
    /// What should have taken over from it and can't be started.
    refused: Option<Refused>,
}

impl State {
    /// What is wanted can't be started: what serves meanwhile goes on to be called.
    fn fail(&mut self, reason: String, serves: bool) {
        match (&self.wanted, serves) {
            (Some(wanted), true) => {
                let revision = wanted.revision.to_string();
                self.refused = Some(Refused { revision, reason });
            }
            _ => self.phase = Some(Phase::Failed { reason }),
        }
    }
}

impl Status {
    /// What the heartbeat says of it; nothing once it is stopped.
    pub(super) fn report(&self) -> Option<ActorReport> {
        let state = self.lock();
        let phase = state.phase.clone()?;
        let load = state.running.as_ref().map(|revision| revision.load());
        let revision = match (&state.running, &state.wanted) {
            (Some(running), _) => running.assigned.revision.to_string(),
            (None, Some(wanted)) => wanted.revision.to_string(),
            (None, None) => return None,
        };
        Some(ActorReport {
            revision,
            slots: load.map_or(0, |load| load.slots),
            busy: load.map_or(0, |load| load.busy),
            waiting: load.map_or(0, |load| load.waiting),
            refused: state.refused.clone(),
            phase,
        })
    }

    pub(super) fn running(&self) -> Option<Arc<Revision>> {
        self.lock().running.clone()
    }

    pub(super) fn detail(&self) -> Option<ActorDetail> {
        self.running().map(|revision| revision.detail().clone())
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of one actor.
pub(super) struct Supervisor {
    cx: Context,
    name: ActorName,
    status: Arc<Status>,
    wanted: watch::Receiver<Option<AssignedActor>>,
    /// The same as `wanted`, to be awaited while that is looked at.
    changed: watch::Receiver<Option<AssignedActor>>,
    inbox: Option<Inbox>,
    /// Revisions that take no more calls and finish those they have.
    finishing: TaskTracker,
}

impl Supervisor {
    pub(super) fn new(
        cx: Context,
        name: ActorName,
        status: Arc<Status>,
        wanted: watch::Receiver<Option<AssignedActor>>,
    ) -> Self {
        Self {
            cx,
            name,
            status,
            changed: wanted.clone(),
            wanted,
            inbox: None,
            finishing: TaskTracker::new(),
        }
    }

    /// Converges until the actor is assigned no more, then stops it and ends.
    pub(super) async fn run(mut self) {
        let mut pause = RETRY_MIN;
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            self.changed.mark_unchanged();
            let Some(wanted) = wanted else { break };
            // Boxed: what a start needs is given back when it is over, and most actors only wait.
            match Box::pin(self.converge(wanted)).await {
                Ok(()) => {
                    pause = RETRY_MIN;
                    if self.wanted.changed().await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    self.failed(&error).await;
                    tokio::select! {
                        // A change is tried at once; the pause was for the same again.
                        changed = self.wanted.changed() => match changed {
                            Ok(()) => pause = RETRY_MIN,
                            Err(_) => break,
                        },
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
                    }
                }
            }
        }
        Box::pin(self.stop()).await;
    }

    async fn converge(&mut self, wanted: AssignedActor) -> Result<(), Error> {
        self.status.set(|state| state.wanted = Some(wanted.clone()));
        if let Some(inbox) = &self.inbox
            && inbox.revision().assigned.revision == wanted.revision
        {
            self.scale(inbox.revision(), wanted.slots).await;
            return Ok(());
        }
        if self.inbox.is_none() {
            self.status.set(|state| state.phase = Some(Phase::Starting));
        }
        let prepared = Revision::prepare(&self.cx, wanted);
        let revision = tokio::select! {
            revision = prepared => revision?,
            // Something else is wanted by now: it is not kept waiting for what nobody wants.
            changed = self.changed.changed() => match changed {
                Ok(()) | Err(_) => return Ok(()),
            },
        };
        let old = match &self.inbox {
            Some(inbox) => Some(inbox.replace(revision.clone())),
            None => {
                self.inbox = Some(Inbox::open(&self.cx.client, revision.clone()).await?);
                None
            }
        };
        self.status.set(|state| {
            state.running = Some(revision.clone());
            state.phase = Some(Phase::Running);
            state.refused = None;
        });
        let kind = if old.is_some() {
            Kind::ActorUpdated
        } else {
            Kind::ActorStarted
        };
        info!(actor = %self.name, revision = %revision.assigned.revision, "{kind}");
        self.publish(
            kind,
            json!({
                "revision": revision.assigned.revision,
                "component": revision.assigned.component,
                "slots": revision.assigned.slots,
            }),
        )
        .await;
        if let Some(old) = old {
            // Apart: the next update does not wait for the slowest call of the one before the last.
            self.finishing
                .spawn(async move { inbox::finish(&old).await });
        }
        Ok(())
    }

    async fn scale(&self, revision: Arc<Revision>, slots: u32) {
        let before = revision.load().slots;
        // The same revision may have been assigned anew after another one failed to start.
        self.status.set(|state| {
            state.phase = Some(Phase::Running);
            state.refused = None;
        });
        if before != slots {
            revision.resize(slots);
            self.publish(Kind::ActorScaled, json!({ "from": before, "to": slots }))
                .await;
        }
    }

    async fn failed(&self, reason: &Error) {
        // A compiler's message has many lines.
        let reason = one_line(reason.to_string());
        error!(actor = %self.name, reason, "failed to start");
        self.publish(Kind::ActorFailed, json!({ "reason": reason }))
            .await;
        let serves = self.inbox.is_some();
        self.status.set(|state| state.fail(reason, serves));
    }

    async fn stop(mut self) {
        let Some(inbox) = self.inbox.take() else {
            return self.status.set(|state| *state = State::default());
        };
        self.status.set(|state| state.phase = Some(Phase::Draining));
        inbox.drain().await;
        self.finishing.close();
        self.finishing.wait().await;
        self.status.set(|state| *state = State::default());
        info!(actor = %self.name, "actor.stopped");
        self.publish(Kind::ActorStopped, json!({})).await;
    }

    async fn publish(&self, kind: Kind, data: serde_json::Value) {
        self.cx
            .events
            .publish(kind, format!("actor/{}", self.name), data)
            .await;
    }
}
