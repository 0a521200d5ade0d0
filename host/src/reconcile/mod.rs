//! Brings what runs in line with what is declared.
//!
//! ```text
//!  control ─► state: app.* ─► leader: plan(apps, peers) ─► state: assign.<host> ─► follower ─► actors, providers
//!                                 ▲                                                    │
//!                                 └──────────────── heartbeats ◄───────────────────────┘
//! ```
//!
//! Any host may lead; each follows. Only positive evidence acts: what can't be read, is older, or
//! is not there, stops nothing that runs.
//!
//! In reading order:
//! - [`home`]: what a host remembers over a restart;
//! - [`ask`]: what is asked of the state;
//! - [`lease`], [`campaign`]: who leads, decided; [`election`]: carried out;
//! - [`term`], with [`assigned`], [`said`], [`step`], [`writing`] and [`written`]: the plan as writes, decided; [`leader`]: carried out;
//! - [`rollback`]: updates that no host can start, taken back;
//! - [`evict`]: hosts that hang, cut off NATS;
//! - [`references`], [`garbage`]: which components nothing needs any more, decided; [`orphans`]: which bytes
//!   no component has; [`collector`]: removed;
//! - [`unplaced`]: what the leader could not place, for people;
//! - [`follower`]: an assignment, carried out;
//! - [`configs`]: named configs, as actors read them.

pub mod ask;
pub mod assigned;
pub mod campaign;
pub mod collector;
pub mod configs;
pub mod duty;
pub mod election;
pub mod evict;
pub mod follower;
pub mod garbage;
pub mod home;
pub mod leader;
pub mod lease;
pub mod orphans;
pub mod references;
pub mod rollback;
pub mod said;
pub mod step;
pub mod term;
pub mod unplaced;
pub mod writing;
pub mod written;

#[cfg(test)]
mod sim;

use std::time::Duration;

/// The shortest pause before a watch that broke is begun again.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest: the state is then back within a time that a person waits.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// The pauses between attempts at something that fails: doubling, up to a bound.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It went well: the next pause is the shortest again.
    fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait.
    fn next(&mut self) -> Duration {
        let pause = RETRY_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        pause.min(RETRY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.next()).collect();
        assert_eq!(pauses[..3], [RETRY_MIN, RETRY_MIN * 2, RETRY_MIN * 4]);
        assert!(pauses[10..].iter().all(|pause| *pause == RETRY_MAX));
        backoff.reset();
        assert_eq!(backoff.next(), RETRY_MIN);
    }
}
