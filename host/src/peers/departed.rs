//! Hosts that are heard no more while calls wait for them: they said that they leave, and end what they
//! have. Should one of them be killed meanwhile, nothing but a question finds out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lattice_protocol::id::HostId;

/// How long such a host has to answer.
pub(super) const ASK_TIME: Duration = Duration::from_secs(1);
/// How often it is asked: no oftener than a host that is heard may be silent.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long is remembered what was found: longer than any of its calls takes to look.
const KEPT: Duration = Duration::from_secs(60);

/// What was asked of them.
#[derive(Debug, Default)]
pub(super) struct Departed {
    /// Bounded by age, and by the calls that wait.
    hosts: HashMap<HostId, Asked>,
}

#[derive(Debug)]
struct Asked {
    at: Instant,
    /// When nobody was found there.
    gone: Option<Instant>,
}

/// What to do about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Ask it.
    Ask,
    /// It was asked a moment ago.
    Wait,
    /// Nobody is there.
    Gone,
}

impl Departed {
    /// What to do about a host that a call misses since then.
    pub(super) fn look(&mut self, host: &HostId, since: Instant, now: Instant) -> Look {
        self.hosts
            .retain(|_, asked| now.saturating_duration_since(asked.at) < KEPT);
        if let Some(asked) = self.hosts.get(host) {
            // What was found before may have been of the time before it came back.
            if asked.gone.is_some_and(|gone| gone >= since) {
                return Look::Gone;
            }
            if now.saturating_duration_since(asked.at) < ASK_EVERY {
                return Look::Wait;
            }
        }
        let asked = Asked {
            at: now,
            gone: None,
        };
        self.hosts.insert(host.clone(), asked);
        Look::Ask
    }

    /// Nobody was found there.
    pub(super) fn gone(&mut self, host: &HostId, now: Instant) {
        if let Some(asked) = self.hosts.get_mut(host) {
            asked.gone = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_calls_asks_and_all_of_them_have_the_answer() {
        let (mut departed, host, now) = (Departed::default(), HostId::random(), Instant::now());
        assert_eq!(departed.look(&host, now, now), Look::Ask);
        assert_eq!(departed.look(&host, now, now), Look::Wait);
        assert_eq!(departed.look(&host, now, now + ASK_EVERY), Look::Ask);
        departed.gone(&host, now + ASK_EVERY);
        assert_eq!(departed.look(&host, now, now + ASK_EVERY), Look::Gone);
    }

    #[test]
    fn what_was_found_before_it_came_back_says_nothing() {
        let (mut departed, host, now) = (Departed::default(), HostId::random(), Instant::now());
        assert_eq!(departed.look(&host, now, now), Look::Ask);
        departed.gone(&host, now);
        let later = now + ASK_EVERY;
        assert_eq!(departed.look(&host, later, later), Look::Ask);
    }
}
