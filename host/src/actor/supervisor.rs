//! Keeps one actor in line with what is assigned.
//!
//! An update starts the new revision, hands it the subscription, and lets the old one finish what
//! it has: no call finds nobody. A revision that can't be started leaves the one before it running.
//! An actor that is to stop closes its door first, to callers of its own host too; what it still has
//! ends beside it, so that it can be begun anew meanwhile.

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
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::Context;
use super::admission::Admission;
use super::inbox::{self, Inbox};
use super::revision::{Error, Revision};

/// The first pause after a failed start, and the longest; it doubles in between.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How many revisions of an actor may finish their calls at once: each holds its code and those calls,
/// and whoever updates quicker than calls end waits for the first.
const FINISHING_MAX: usize = 16;

/// What is assigned; none once the actor is to stop.
pub(super) type Wanted = watch::Receiver<Option<Arc<AssignedActor>>>;

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
    wanted: Option<Arc<AssignedActor>>,
    running: Option<Arc<Revision>>,
    /// What is assigned and can't be started.
    refused: Option<Refused>,
}

impl State {
    /// What is wanted can't be started: what serves meanwhile goes on to be called.
    fn fail(&mut self, reason: String, may_pass: bool, serves: bool) {
        self.refused = self.wanted.as_ref().map(|wanted| Refused {
            revision: wanted.revision.to_string(),
            reason: reason.clone(),
            may_pass,
        });
        if !serves {
            self.phase = Some(Phase::Failed { reason });
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

    /// What runs, be it that it only ends what it has.
    pub(super) fn running(&self) -> Option<Arc<Revision>> {
        self.lock().running.clone()
    }

    /// What takes new calls.
    pub(super) fn open(&self) -> Option<Arc<Revision>> {
        let state = self.lock();
        let is_draining = state.phase == Some(Phase::Draining);
        state.running.clone().filter(|_| !is_draining)
    }

    pub(super) fn detail(&self) -> Option<ActorDetail> {
        self.running().map(|revision| revision.detail())
    }

    /// Whether this is what it was told to be last.
    pub(super) fn is_wanted(&self, actor: Option<&AssignedActor>) -> bool {
        self.lock().wanted.as_deref() == actor
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an actor came to.
enum Converged {
    /// It runs as it was wanted.
    Runs,
    /// Something else is wanted by now.
    Superseded,
    /// It has stopped.
    Stopped,
}

/// Looks after one actor: in a task while there is something to do, and kept without one while the
/// actor runs as it is assigned.
pub(super) struct Supervisor {
    name: ActorName,
    status: Arc<Status>,
    inbox: Option<Inbox>,
    /// Into the room that its revisions share. One that was stopped and comes back has a room of its
    /// own: whoever stopped it does not wait for the calls that still end.
    door: Option<Admission>,
    /// Revisions that take no more calls and finish those they have.
    finishing: JoinSet<()>,
}

impl Supervisor {
    pub(super) fn new(name: ActorName, status: Arc<Status>) -> Self {
        Self {
            name,
            status,
            inbox: None,
            door: None,
            finishing: JoinSet::new(),
        }
    }

    /// Whose it is.
    pub(super) fn name(&self) -> &ActorName {
        &self.name
    }

    /// Converges until the actor runs as it is assigned, or is assigned no more and has stopped.
    pub(super) async fn run(&mut self, cx: &Arc<Context>, wanted: &mut Wanted) {
        let mut pause = RETRY_MIN;
        loop {
            let converged = match self.read(wanted) {
                Some(now) => self.converge(cx, now, wanted).await,
                None => Ok(self.stop(cx, wanted).await),
            };
            match converged {
                Ok(Converged::Runs | Converged::Stopped) => return,
                Ok(Converged::Superseded) => pause = RETRY_MIN,
                Err(error) => {
                    self.failed(cx, &error).await;
                    tokio::select! {
                        // A change is tried at once; the pause was for the same again.
                        () = changed(wanted) => pause = RETRY_MIN,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_MAX),
                    }
                }
            }
        }
    }

    /// What is wanted. One that is to stop is said to before anything else can be wanted of it: else it
    /// would seem to serve by an assignment under which it is yet to be started anew.
    fn read(&self, wanted: &mut Wanted) -> Option<Arc<AssignedActor>> {
        let now = wanted.borrow_and_update();
        if now.is_none() && self.inbox.is_some() {
            self.status.set(|state| state.phase = Some(Phase::Draining));
        }
        now.clone()
    }

    async fn converge(
        &mut self,
        cx: &Arc<Context>,
        now: Arc<AssignedActor>,
        wanted: &mut Wanted,
    ) -> Result<Converged, Error> {
        self.status.set(|state| state.wanted = Some(now.clone()));
        if let Some(inbox) = &self.inbox
            && inbox.revision().assigned.revision == now.revision
        {
            self.scale(cx, inbox.revision(), now.slots).await;
            return Ok(Converged::Runs);
        }
        if self.inbox.is_none() {
            self.status.set(|state| {
                state.phase = Some(Phase::Starting);
                state.running = None;
            });
        }
        // Calls of all its revisions count together.
        let door = self.door.as_ref().map(Admission::another);
        let prepared = async {
            self.until_room_to_finish().await;
            Revision::prepare(cx, now, door).await
        };
        let revision = tokio::select! {
            revision = prepared => revision?,
            // It is not kept waiting for what nobody wants.
            () = changed(wanted) => return Ok(Converged::Superseded),
        };
        let old = match &self.inbox {
            Some(inbox) => {
                revision.follows(&inbox.revision())?;
                Some(inbox.replace(revision.clone()))
            }
            None => {
                self.inbox = Some(Inbox::open(&cx.client, revision.clone()).await?);
                None
            }
        };
        revision.take_over();
        self.door = Some(revision.door.clone());
        self.status.set(|state| {
            state.running = Some(revision.clone());
            state.phase = Some(Phase::Running);
            state.refused = None;
        });
        self.tell_of(cx, &revision, old.is_some()).await;
        if let Some(old) = old {
            self.finish(old);
        }
        Ok(Converged::Runs)
    }

    /// Apart: what comes next does not wait for the slowest call of what was before.
    fn finish(&mut self, old: Arc<Revision>) {
        self.finishing
            .spawn(async move { inbox::finish(&old).await });
    }

    async fn until_room_to_finish(&mut self) {
        while self.finishing.try_join_next().is_some() {}
        while self.finishing.len() >= FINISHING_MAX {
            self.finishing.join_next().await;
        }
    }

    async fn tell_of(&self, cx: &Context, revision: &Revision, is_update: bool) {
        let kind = match is_update {
            true => Kind::ActorUpdated,
            false => Kind::ActorStarted,
        };
        let assigned = &revision.assigned;
        info!(actor = %self.name, revision = %assigned.revision, "{kind}");
        let mut data = json!({
            "revision": assigned.revision,
            "component": assigned.component,
            "slots": assigned.slots,
        });
        // Somebody may wait for just that.
        let (uncallable, more) = revision.code.exports.uncallable();
        if !uncallable.is_empty() {
            warn!(actor = %self.name, ?uncallable, more, "some of its functions can't be called");
            data["uncallable"] = json!(uncallable);
        }
        self.publish(cx, kind, data).await;
    }

    async fn scale(&self, cx: &Context, revision: Arc<Revision>, slots: u32) {
        let before = revision.load().slots;
        // The same revision may have been assigned anew after another one failed to start.
        self.status.set(|state| {
            state.phase = Some(Phase::Running);
            state.refused = None;
        });
        if before != slots {
            revision.resize(slots);
            let data = json!({ "from": before, "to": slots });
            self.publish(cx, Kind::ActorScaled, data).await;
        }
    }

    async fn failed(&self, cx: &Context, error: &Error) {
        // A compiler's message has many lines.
        let reason = one_line(error.to_string());
        error!(actor = %self.name, reason, "failed to start");
        self.publish(cx, Kind::ActorFailed, json!({ "reason": reason }))
            .await;
        let serves = self.inbox.is_some();
        let may_pass = error.may_pass();
        self.status
            .set(|state| state.fail(reason, may_pass, serves));
    }

    /// Takes no more calls, and waits for those that were taken unless it is assigned anew.
    async fn stop(&mut self, cx: &Context, wanted: &mut Wanted) -> Converged {
        let ran = self.inbox.is_some() || !self.finishing.is_empty();
        if ran {
            self.status.set(|state| state.phase = Some(Phase::Draining));
        }
        self.door = None;
        if let Some(inbox) = self.inbox.take() {
            let last = inbox.leave().await;
            self.finish(last);
        }
        let finished = async { while self.finishing.join_next().await.is_some() {} };
        tokio::select! {
            () = finished => {}
            () = changed(wanted) => return Converged::Superseded,
        }
        self.status.set(|state| *state = State::default());
        if ran {
            info!(actor = %self.name, "actor.stopped");
            self.publish(cx, Kind::ActorStopped, json!({})).await;
        }
        Converged::Stopped
    }

    async fn publish(&self, cx: &Context, kind: Kind, data: serde_json::Value) {
        let subject = format!("actor/{}", self.name);
        cx.events.publish(kind, subject, data).await;
    }
}

/// Returns when something else is wanted.
async fn changed(wanted: &mut Wanted) {
    if wanted.changed().await.is_err() {
        // Nobody will want anything else.
        std::future::pending().await
    }
}
