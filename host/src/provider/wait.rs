//! Waiting for an answer, with an eye on the clock: who stood still meanwhile can't testify to silence.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::machine::Answer;

/// How often whoever waits for an answer looks at the clock.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How late a look may be without a word: as much as a busy machine is all the time. Between two looks this
/// host hears whoever speaks.
const LATE_MAX: Duration = Duration::from_millis(250);
/// How much of the time for an answer this host may have stood still, to believe that there was none: in
/// the other half a second it would have heard one.
const STOOD_MAX: Duration = Duration::from_millis(500);

/// How much of a wait this host stood still: an answer may have come then that its time ran out for.
#[derive(Debug)]
pub(super) struct Wait {
    looked: Instant,
    stood: Duration,
}

impl Wait {
    fn begin(now: Instant) -> Self {
        Self {
            looked: now,
            stood: Duration::ZERO,
        }
    }

    /// To be called every [`LOOK_EVERY`], and at the end.
    fn look(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.looked);
        let late = since.saturating_sub(LOOK_EVERY);
        if late > LATE_MAX {
            self.stood += late;
        }
        self.looked = now;
    }

    /// A host that stood still can't testify to silence.
    pub(super) fn believes(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Silent if self.stood > STOOD_MAX => Answer::Unheard,
            answer => answer,
        }
    }
}

/// Waits, with an eye on the clock.
pub(super) async fn waited<T>(answer: impl Future<Output = T>) -> (T, Wait) {
    let mut answer = pin!(answer);
    let mut wait = Wait::begin(Instant::now());
    loop {
        let answered = tokio::time::timeout(LOOK_EVERY, &mut answer).await;
        wait.look(Instant::now());
        if let Ok(answered) = answered {
            return (answered, wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_stood_still_for_half_the_time_cannot_testify_to_silence() {
        let waits = |looks: &[u64]| {
            let begin = Instant::now();
            let mut wait = Wait::begin(begin);
            for look in looks {
                wait.look(begin + Duration::from_millis(*look));
            }
            wait
        };
        let in_time: Vec<_> = (1..=11).map(|look| look * 101).collect();
        let busy: Vec<_> = (1..=4).map(|look| look * 300).collect();
        let once: &[u64] = &[101, 202, 790, 891, 992, 1_050];
        for looks in [in_time.as_slice(), busy.as_slice(), once] {
            assert_eq!(waits(looks).believes(Answer::Silent), Answer::Silent);
        }
        for looks in [&[1_060][..], &[500, 600, 1_060], &[101, 202, 1_900]] {
            assert_eq!(waits(looks).believes(Answer::Silent), Answer::Unheard);
            // What was said was said.
            assert_eq!(waits(looks).believes(Answer::Answers), Answer::Answers);
        }
    }
}
