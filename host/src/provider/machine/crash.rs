//! What a crash leads to: a pause, and at some point the verdict that it keeps failing.

use std::time::Duration;

use super::{Effect, Exit, Machine, Moment, Notice, Stage};

impl Machine {
    pub(super) fn crashed(
        &mut self,
        now: Moment,
        answered_at: Option<Moment>,
        exit: Exit,
    ) -> Vec<Effect> {
        let sound = |at| now.saturating_sub(at) >= self.limits.stable_after;
        if answered_at.is_some_and(sound) {
            self.forgive();
        }
        let spent = self.count(now);
        self.fault = self.given_up.then(|| self.verdict(&exit));
        let again_in = self.next_pause();
        self.stage = Stage::Waiting {
            until: now + again_in,
        };
        let mut effects = vec![Effect::Tell(Notice::Crashed { exit, again_in })];
        if spent && let Some(reason) = self.fault.clone() {
            effects.push(Effect::Tell(Notice::Failed { reason }));
        }
        effects
    }

    /// Counts a crash; true if it is the one that uses up the budget.
    fn count(&mut self, now: Moment) -> bool {
        let since = now.saturating_sub(self.limits.crashes_window);
        self.crashes.push_back(now);
        while self.crashes.front().is_some_and(|at| *at < since)
            || self.crashes.len() > self.limits.crashes_max + 1
        {
            self.crashes.pop_front();
        }
        let spent = !self.given_up && self.crashes.len() > self.limits.crashes_max;
        if spent {
            self.given_up = true;
            self.pause = self.limits.backoff_max;
        }
        spent
    }

    fn verdict(&self, exit: &Exit) -> String {
        let said = exit
            .lines
            .last()
            .map(|line| format!(": {line}"))
            .unwrap_or_default();
        let seconds = self.limits.backoff_max.as_secs();
        format!(
            "it keeps ending, last with {}{said}; tried again every {seconds} s",
            exit.status
        )
    }

    /// The pause now; the one after it is twice as long.
    pub(super) fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(self.limits.backoff_max);
        // Up to a quarter less, so that many that fell together don't rise together.
        let less = pause / 4 * self.roll() / u32::from(u8::MAX);
        (pause - less).max(self.limits.backoff_min.min(pause))
    }

    /// xorshift64: enough to spread pauses, and the same for the same seed.
    fn roll(&mut self) -> u32 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        u32::from(self.dice.to_le_bytes()[4])
    }
}

#[cfg(test)]
#[path = "crash_test.rs"]
mod tests;
