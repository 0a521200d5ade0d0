//! One provider: carries out what its [`Machine`] decides, and tells it what happened.

use std::collections::VecDeque;
use std::future::pending;

use lattice_config::app::Runs;
use lattice_config::assignment::AssignedProvider;
use lattice_protocol::event::Kind;
use lattice_protocol::id::{ProcessId, ProviderName};
use lattice_protocol::standard::health::Health;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::health::{Ask, Checked};
use super::launch::Launch;
use super::machine::{Answer, Effect, Exit, Input, Limits, Machine, Notice};
use super::outbox::{Detail, Outbox};
use super::seen::{Seen, Status};
use super::work::Work;

/// What is wanted of a provider; none: that it does not run.
pub(super) type Wanted = Option<AssignedProvider>;

/// What a supervisor works with.
pub(super) struct Parts {
    pub(super) name: ProviderName,
    pub(super) launch: Launch,
    pub(super) limits: Limits,
    /// Its end means the same as none, and that the supervisor is to end too.
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) status: watch::Sender<Status>,
    /// Where checks are asked for.
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) answers: mpsc::Receiver<Checked>,
    pub(super) outbox: Outbox,
}

/// Keeps one provider as it is wanted.
pub(super) struct Supervisor {
    parts: Parts,
    machine: Machine,
    began: Instant,
    /// What was last wanted; stays while that is being stopped.
    current: Wanted,
    work: Option<Work>,
    /// Which run that is, for its own health checks.
    process: Option<ProcessId>,
    /// What that said last of its settings.
    health: Health,
    closed: bool,
}

impl Supervisor {
    /// A supervisor that has not looked yet at what is wanted.
    pub(super) fn new(mut parts: Parts) -> Self {
        parts.wanted.mark_changed();
        // The tail of a v7 uuid is random.
        let seed = uuid::Uuid::now_v7().as_u64_pair().1;
        Self {
            machine: Machine::new(parts.limits.clone(), seed),
            parts,
            began: Instant::now(),
            current: None,
            work: None,
            process: None,
            health: Health::default(),
            closed: false,
        }
    }

    /// Runs until nobody can want anything any more and the process is gone.
    pub(super) async fn run(mut self) {
        while !(self.closed && self.machine.is_idle()) {
            if let Some(input) = self.next().await {
                self.step(input);
                self.show();
            }
        }
    }

    async fn next(&mut self) -> Option<Input> {
        let deadline = self.machine.deadline().map(|moment| self.began + moment);
        tokio::select! {
            changed = self.parts.wanted.changed(), if !self.closed => {
                self.closed = changed.is_err();
                self.read_wanted()
            }
            exit = ended(self.work.as_mut()) => {
                self.work = None;
                self.process = None;
                self.health = Health::default();
                Some(Input::Ended(exit))
            }
            Some(checked) = self.parts.answers.recv() => Some(self.checked(checked)),
            () = until(deadline) => Some(Input::Tick),
        }
    }

    /// What it says of its settings holds until it says otherwise, or ends.
    fn checked(&mut self, checked: Checked) -> Input {
        let Checked {
            run,
            answer,
            health,
        } = checked;
        let answered = matches!(answer, Answer::Answers | Answer::Complains(_));
        if answered && self.machine.is_at(run) {
            self.health = health;
        }
        Input::Checked { run, answer }
    }

    /// What a change of what is wanted means for what runs.
    fn read_wanted(&mut self) -> Option<Input> {
        let wanted = if self.closed {
            None
        } else {
            self.parts.wanted.borrow_and_update().clone()
        };
        let Some(wanted) = wanted else {
            return Some(Input::Stop);
        };
        let external = wanted.spec.runs == Runs::External;
        let before = self.current.replace(wanted);
        let after = self.current.as_ref()?;
        match before {
            None => Some(Input::Run { external }),
            Some(before) if after.spec.needs_restart(&before.spec) => {
                Some(Input::Replace { external })
            }
            // It was being stopped, and is wanted again.
            Some(_) if self.machine.is_stopping() => Some(Input::Run { external }),
            Some(before) if after.revision != before.revision => Some(Input::Changed),
            Some(_) => None,
        }
    }

    /// Decides and acts; what acting leads to is decided on in turn.
    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.machine.on(self.began.elapsed(), input) {
                inputs.extend(self.perform(effect));
            }
        }
        if self.machine.is_idle() {
            self.current = None;
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Start => return self.start(),
            // No room: a check of an earlier run is still under way.
            Effect::Check(run) if self.parts.asks.try_send(self.ask(run)).is_err() => {
                return Some(Input::Checked {
                    run,
                    answer: Answer::Unknown,
                });
            }
            Effect::Check(_) => {}
            Effect::Terminate => self.work.iter_mut().for_each(Work::terminate),
            Effect::Kill => self.work.iter_mut().for_each(Work::kill),
            Effect::Tell(notice) => self.tell(notice),
        }
        None
    }

    /// What is asked of that run, and of whom.
    fn ask(&self, run: u64) -> Ask {
        let runs = self.current.as_ref().map(|wanted| &wanted.spec.runs);
        Ask {
            run,
            process: self.process.clone(),
            // What this program carries is written with the kit.
            knows_itself: matches!(runs, Some(Runs::Kind(_))),
        }
    }

    fn start(&mut self) -> Option<Input> {
        let Parts {
            name,
            launch,
            outbox,
            ..
        } = &self.parts;
        let process = ProcessId::random();
        match launch.start(name, &self.current.as_ref()?.spec, &process, outbox) {
            Ok(work) => {
                info!(provider = %name, pid = work.pid(), %process, "provider started");
                self.work = Some(work);
                self.process = Some(process);
                None
            }
            Err(reason) => Some(Input::NotStarted { reason }),
        }
    }

    fn tell(&self, notice: Notice) {
        let mut detail = self.detail();
        let kind = match notice {
            Notice::Started => Kind::ProviderStarted,
            Notice::Stopped => Kind::ProviderStopped,
            Notice::Failed { reason } => {
                warn!(provider = %self.parts.name, %reason, "provider failed");
                detail.reason = Some(reason);
                Kind::ProviderFailed
            }
            Notice::Crashed { exit, again_in } => {
                warn!(provider = %self.parts.name, exit = %exit.status, ?again_in, "provider crashed");
                detail.exit = Some(exit.status);
                detail.lines = exit.lines;
                detail.again_in_ms = u64::try_from(again_in.as_millis()).ok();
                Kind::ProviderCrashed
            }
        };
        self.parts.outbox.tell(kind, detail);
    }

    fn detail(&self) -> Detail {
        let current = self.current.as_ref();
        Detail {
            app: current
                .map(|wanted| wanted.app.to_string())
                .unwrap_or_default(),
            revision: current
                .map(|wanted| wanted.revision.to_string())
                .unwrap_or_default(),
            restarts: self.machine.restarts(),
            pid: self.work.as_ref().and_then(Work::pid),
            ..Detail::default()
        }
    }

    fn show(&self) {
        let silent_since = self.machine.silent_since();
        let seen = self.current.as_ref().map(|wanted| Seen {
            revision: wanted.revision.to_string(),
            pid: self.work.as_ref().and_then(Work::pid),
            process: self.process.clone(),
            restarts: self.machine.restarts(),
            health: self.health.clone(),
            silent_since: silent_since.map(|moment| self.began + moment),
            phase: self.machine.phase(),
        });
        self.parts.status.send_if_modified(|shown| {
            let changed = *shown != seen;
            *shown = seen;
            changed
        });
    }
}

async fn ended(work: Option<&mut Work>) -> Exit {
    match work {
        Some(work) => work.ended().await,
        None => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

#[cfg(test)]
#[path = "supervisor_test.rs"]
mod tests;
