//! What the answers to checks lead to.

use std::time::Duration;

use super::{Answer, Effect, Limits, Machine, Moment, Notice, Stage, Then};

/// What is known of a process by asking it.
#[derive(Debug)]
pub(super) struct Watch {
    /// When it first answered.
    pub(super) answered_at: Option<Moment>,
    misses: u32,
    /// Checks since it last answered that this host slept through.
    unheard: u32,
    missing_since: Option<Moment>,
    /// Since when it has been asked and has not answered.
    silent_since: Option<Moment>,
    /// Until the next check; grows while it starts.
    pause: Duration,
    /// None while a check is under way.
    pub(super) check_at: Option<Moment>,
}

/// What a check met that was not answered.
#[derive(Debug, Clone, Copy)]
enum Miss {
    Silent,
    Absent,
}

impl Watch {
    /// Nothing is known yet.
    pub(super) fn new(now: Moment, pause: Duration) -> Self {
        let check_at = Some(now + pause);
        Self {
            answered_at: None,
            misses: 0,
            unheard: 0,
            missing_since: None,
            silent_since: None,
            pause,
            check_at,
        }
    }

    /// Since when it has not answered, though somebody is there.
    pub(super) fn silent_since(&self) -> Option<Moment> {
        self.silent_since
    }

    fn forget_misses(&mut self) {
        self.misses = 0;
        self.unheard = 0;
        self.missing_since = None;
        self.silent_since = None;
    }

    /// Counts a miss, and says for how long there was nothing else.
    fn miss(&mut self, now: Moment, miss: Miss) -> Duration {
        self.misses = self.misses.saturating_add(1);
        self.silent_since = match miss {
            Miss::Silent => self.silent_since.or(Some(now)),
            // Where nobody is, nobody hangs.
            Miss::Absent => None,
        };
        now.saturating_sub(*self.missing_since.get_or_insert(now))
    }

    fn silence_max(&self, limits: &Limits) -> Duration {
        if self.answered_at.is_some() {
            limits.silence_max
        } else {
            limits.start_max
        }
    }

    fn check_later(&mut self, now: Moment, limits: &Limits) {
        self.check_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(limits.check_every);
    }
}

impl Machine {
    pub(super) fn checked(&mut self, now: Moment, answer: Answer) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Starting(watch) | Stage::Running(watch) => match answer {
                Answer::Answers => self.answered(now, watch, None),
                Answer::Complains(reason) => self.answered(now, watch, Some(reason)),
                Answer::Silent => self.missed(now, watch, Miss::Silent),
                Answer::Absent => self.missed(now, watch, Miss::Absent),
                Answer::Unknown => self.unasked(now, watch),
                Answer::Unheard => self.slept(now, watch),
            },
            other => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    fn answered(
        &mut self,
        now: Moment,
        mut watch: Watch,
        complaint: Option<String>,
    ) -> Vec<Effect> {
        let news = watch.answered_at.is_none() || self.fault != complaint;
        let since = *watch.answered_at.get_or_insert(now);
        if now.saturating_sub(since) >= self.limits.stable_after {
            self.forgive();
        }
        self.fault = complaint.clone();
        watch.forget_misses();
        watch.pause = self.limits.check_every;
        watch.check_later(now, &self.limits);
        self.stage = Stage::Running(watch);
        match complaint {
            _ if !news => Vec::new(),
            None => vec![Effect::Tell(Notice::Started)],
            Some(reason) => vec![Effect::Tell(Notice::Failed { reason })],
        }
    }

    fn missed(&mut self, now: Moment, mut watch: Watch, miss: Miss) -> Vec<Effect> {
        let miss = match miss {
            // There is a process of this host's own: the server has cut it off for its silence.
            Miss::Absent if !self.external => Miss::Silent,
            miss => miss,
        };
        let silence = watch.miss(now, miss);
        let is_sure = watch.misses >= self.limits.misses_max;
        if !self.external && is_sure && silence >= watch.silence_max(&self.limits) {
            let then = Then::Crash {
                answered_at: watch.answered_at,
            };
            self.stage = Stage::Stopping {
                kill_at: None,
                then,
            };
            return vec![Effect::Kill];
        }
        // One that starts has its time; one that nobody here starts may be missing.
        let expected = self.external || watch.answered_at.is_some();
        let mute = expected && watch.misses >= self.limits.misses_max && self.fault.is_none();
        self.watch_on(now, watch);
        if !mute {
            return Vec::new();
        }
        let reason = self.mute_reason(miss);
        self.fault = Some(reason.clone());
        vec![Effect::Tell(Notice::Failed { reason })]
    }

    /// Nothing is known that was not known before, unless there was no answer for so many checks.
    fn slept(&mut self, now: Moment, mut watch: Watch) -> Vec<Effect> {
        watch.unheard = watch.unheard.saturating_add(1);
        if watch.unheard > self.limits.unheard_max {
            return self.missed(now, watch, Miss::Silent);
        }
        self.watch_on(now, watch);
        Vec::new()
    }

    fn unasked(&mut self, now: Moment, mut watch: Watch) -> Vec<Effect> {
        watch.forget_misses();
        self.watch_on(now, watch);
        Vec::new()
    }

    fn watch_on(&mut self, now: Moment, mut watch: Watch) {
        watch.check_later(now, &self.limits);
        self.stage = match watch.answered_at {
            Some(_) => Stage::Running(watch),
            None => Stage::Starting(watch),
        };
    }

    fn mute_reason(&self, miss: Miss) -> String {
        let what = match miss {
            Miss::Absent => "it does not run",
            Miss::Silent => "it does not answer",
        };
        if self.external {
            format!("{what}: its process is started outside the lattice, by hand or by systemd")
        } else {
            let seconds = self.limits.silence_max.as_secs();
            format!("{what}: it is started anew after {seconds} s of silence")
        }
    }
}
