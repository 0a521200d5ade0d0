//! What supervision decides: inputs and a clock reading in, effects out.
//!
//! ```text
//!           Run                answer              Ended
//!   Idle ────────► Starting ────────► Running ────────────► Waiting ─┐
//!    ▲                ▲  └───────────── Ended ───────────────▲       │ Tick
//!    │   Ended        └─────────────────────────────────────────────┘
//!    └────────── Stopping ◄── Stop, Replace, or silence for too long
//! ```
//!
//! Only evidence acts: a check that could not be made (no connection to NATS) forgets the misses
//! before it, and nothing is killed for being silent unless it was asked and did not answer. A check
//! during which this host itself stood still says nothing, and leaves the misses as they were.

mod crash;
mod limits;
mod watch;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use lattice_protocol::report::Phase;

pub(super) use self::limits::Limits;
use self::watch::Watch;
pub(super) use self::words::{Answer, Effect, Exit, Input, Notice};

/// Time since the supervisor began.
pub(super) type Moment = Duration;

/// One provider's course.
#[derive(Debug)]
pub(super) struct Machine {
    limits: Limits,
    stage: Stage,
    /// Run by somebody else: only watched.
    external: bool,
    /// Counts starts, so that an answer for an earlier process says nothing of this one.
    run: u64,
    restarts: u32,
    /// The pause after the next crash.
    pause: Duration,
    crashes: VecDeque<Moment>,
    given_up: bool,
    /// Why the report says `failed`.
    fault: Option<String>,
    dice: u64,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Starting(Watch),
    Running(Watch),
    Stopping { kill_at: Option<Moment>, then: Then },
    Waiting { until: Moment },
}

/// What follows when a process that was told to end has ended.
#[derive(Debug)]
enum Then {
    Idle,
    Start,
    /// It was killed for its silence: that counts as a crash.
    Crash {
        answered_at: Option<Moment>,
    },
}

impl Machine {
    /// A provider that does not run. The seed spreads the pauses of many.
    pub(super) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            pause: limits.backoff_min,
            limits,
            stage: Stage::Idle,
            external: false,
            run: 0,
            restarts: 0,
            crashes: VecDeque::new(),
            given_up: false,
            fault: None,
            dice: seed | 1,
        }
    }

    /// How often it was started again.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Whether that is the process that was started last.
    pub(super) fn is_at(&self, run: u64) -> bool {
        self.run == run
    }

    /// Whether nothing of it runs or will run.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Whether its process was told to end for good.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(
            self.stage,
            Stage::Stopping {
                then: Then::Idle,
                ..
            }
        )
    }

    /// How far it is.
    pub(super) fn phase(&self) -> Phase {
        match (&self.stage, &self.fault) {
            (
                Stage::Idle
                | Stage::Stopping {
                    then: Then::Idle | Then::Start,
                    ..
                },
                _,
            ) => Phase::Draining,
            (_, Some(reason)) => Phase::Failed {
                reason: reason.clone(),
            },
            (Stage::Running(_), None) => Phase::Running,
            (_, None) => Phase::Starting,
        }
    }

    /// Since when one that has answered does not.
    pub(super) fn silent_since(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Running(watch) => watch.silent_since(),
            _ => None,
        }
    }

    /// When it wants a [`Input::Tick`].
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Starting(watch) | Stage::Running(watch) => watch.check_at,
            Stage::Stopping { kill_at, .. } => *kill_at,
            Stage::Waiting { until } => Some(*until),
        }
    }

    /// Decides.
    pub(super) fn on(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        match input {
            Input::Run { external } => self.run(now, external),
            Input::Replace { external } => self.replace(now, external),
            Input::Changed => self.changed(now),
            Input::Stop => self.stop(now),
            Input::NotStarted { reason } => self.not_started(now, reason),
            Input::Ended(exit) => self.ended(now, exit),
            Input::Checked { run, answer } if run == self.run => self.checked(now, answer),
            Input::Checked { .. } => Vec::new(),
            Input::Tick => self.tick(now),
        }
    }

    fn run(&mut self, now: Moment, external: bool) -> Vec<Effect> {
        match &mut self.stage {
            Stage::Idle => {
                self.external = external;
                self.begin(now)
            }
            Stage::Stopping { then, .. } => {
                *then = Then::Start;
                self.external = external;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Somebody changed what it is started with: what went wrong before says nothing of this.
    fn replace(&mut self, now: Moment, external: bool) -> Vec<Effect> {
        self.forgive();
        match &mut self.stage {
            Stage::Stopping { then, .. } => {
                *then = Then::Start;
                self.external = external;
                Vec::new()
            }
            Stage::Starting(_) | Stage::Running(_) if !self.external => {
                self.external = external;
                self.terminate(now, Then::Start)
            }
            _ => {
                self.external = external;
                self.begin(now)
            }
        }
    }

    fn changed(&mut self, now: Moment) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Waiting { .. }) {
            return Vec::new();
        }
        self.forgive();
        self.start_again(now)
    }

    fn stop(&mut self, now: Moment) -> Vec<Effect> {
        match &mut self.stage {
            Stage::Stopping { then, .. } => {
                *then = Then::Idle;
                Vec::new()
            }
            Stage::Starting(_) | Stage::Running(_) if !self.external => {
                self.terminate(now, Then::Idle)
            }
            _ => {
                self.stage = Stage::Idle;
                self.forgive();
                Vec::new()
            }
        }
    }

    fn not_started(&mut self, now: Moment, reason: String) -> Vec<Effect> {
        let known = self.fault.as_ref() == Some(&reason);
        self.fault = Some(reason.clone());
        self.stage = Stage::Waiting {
            until: now + self.next_pause(),
        };
        if known {
            Vec::new()
        } else {
            vec![Effect::Tell(Notice::Failed { reason })]
        }
    }

    fn ended(&mut self, now: Moment, exit: Exit) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Starting(watch) | Stage::Running(watch) => {
                self.crashed(now, watch.answered_at, exit)
            }
            Stage::Stopping {
                then: Then::Crash { answered_at },
                ..
            } => {
                let status = format!("{}, by its host as it did not answer", exit.status);
                self.crashed(now, answered_at, Exit { status, ..exit })
            }
            Stage::Stopping {
                then: Then::Start, ..
            } => {
                let mut effects = vec![Effect::Tell(Notice::Stopped)];
                effects.extend(self.begin(now));
                effects
            }
            Stage::Stopping {
                then: Then::Idle, ..
            } => {
                self.forgive();
                vec![Effect::Tell(Notice::Stopped)]
            }
            stage @ (Stage::Idle | Stage::Waiting { .. }) => {
                self.stage = stage;
                Vec::new()
            }
        }
    }

    fn tick(&mut self, now: Moment) -> Vec<Effect> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        match &mut self.stage {
            Stage::Starting(watch) | Stage::Running(watch) => {
                watch.check_at = None;
                vec![Effect::Check(self.run)]
            }
            Stage::Stopping { kill_at, .. } => {
                *kill_at = None;
                vec![Effect::Kill]
            }
            Stage::Waiting { .. } => self.start_again(now),
            Stage::Idle => Vec::new(),
        }
    }

    fn begin(&mut self, now: Moment) -> Vec<Effect> {
        self.run += 1;
        self.stage = Stage::Starting(Watch::new(now, self.limits.check_first));
        if self.external {
            Vec::new()
        } else {
            vec![Effect::Start]
        }
    }

    fn start_again(&mut self, now: Moment) -> Vec<Effect> {
        self.restarts = self.restarts.saturating_add(1);
        self.begin(now)
    }

    fn terminate(&mut self, now: Moment, then: Then) -> Vec<Effect> {
        let kill_at = Some(now + self.limits.stop_grace);
        self.stage = Stage::Stopping { kill_at, then };
        vec![Effect::Terminate]
    }

    fn forgive(&mut self) {
        self.pause = self.limits.backoff_min;
        self.crashes.clear();
        self.given_up = false;
        self.fault = None;
    }
}

#[cfg(test)]
#[path = "machine_test.rs"]
mod tests;
