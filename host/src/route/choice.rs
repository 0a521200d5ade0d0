//! Which host gets a call: the less loaded of two, drawn at random.
//!
//! Drawing two keeps the choice even without everybody running to the one host that was least
//! loaded half a second ago.

use lattice_protocol::id::{ActorName, HostId};
use lattice_protocol::report::{ActorReport, Phase, Report};

/// A host that could take a call, by its last heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The host.
    pub(super) host: HostId,
    /// How many calls it may serve at once.
    pub(super) slots: u32,
    /// How many it serves or has waiting.
    pub(super) load: u32,
}

impl Candidate {
    /// The host of this report, if the actor takes calls there.
    pub(super) fn of(report: &Report, actor: &ActorName) -> Option<Self> {
        let ActorReport {
            slots,
            busy,
            waiting,
            phase,
            ..
        } = report.actors.get(actor)?;
        (*phase == Phase::Running && *slots > 0).then(|| Self {
            host: report.host.clone(),
            slots: *slots,
            load: busy.saturating_add(*waiting),
        })
    }

    /// Whether a call would have to wait there.
    pub(super) fn is_full(&self) -> bool {
        self.load >= self.slots
    }

    /// Whether its slots are used less than the other's.
    fn is_less_loaded_than(&self, other: &Self) -> bool {
        u64::from(self.load) * u64::from(other.slots)
            < u64::from(other.load) * u64::from(self.slots)
    }
}

/// Draws two of the candidates with `random(below)` and takes the less loaded.
pub(super) fn choose(
    candidates: &[Candidate],
    mut random: impl FnMut(usize) -> usize,
) -> Option<&Candidate> {
    match candidates {
        [] => None,
        [one] => Some(one),
        several => {
            let first = random(several.len());
            let mut second = random(several.len() - 1);
            if second >= first {
                second += 1;
            }
            let (first, second) = (several.get(first)?, several.get(second)?);
            Some(if second.is_less_loaded_than(first) {
                second
            } else {
                first
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(host: usize, slots: u32, load: u32) -> Candidate {
        Candidate {
            host: format!("h{host}").parse().unwrap(),
            slots,
            load,
        }
    }

    #[test]
    fn of_two_the_less_loaded_gets_the_call() {
        let two = [candidate(0, 10, 5), candidate(1, 100, 6)];
        for draw in [[0, 0], [1, 0]] {
            let mut draws = draw.into_iter();
            let chosen = choose(&two, |_| draws.next().unwrap()).unwrap();
            assert_eq!(chosen.host.as_str(), "h1");
        }
    }

    #[test]
    fn nobody_is_chosen_from_nobody_and_one_from_one() {
        assert_eq!(choose(&[], |_| 0), None);
        assert_eq!(
            choose(&[candidate(3, 1, 9)], |_| 0).unwrap().host.as_str(),
            "h3"
        );
    }

    proptest! {
        #[test]
        fn the_most_loaded_is_never_chosen(
            loads in prop::collection::hash_set(0u32..1000, 2..20),
            first in any::<usize>(),
            second in any::<usize>(),
        ) {
            let candidates: Vec<_> =
                loads.iter().enumerate().map(|(host, load)| candidate(host, 10, *load)).collect();
            let mut draws = [first, second].into_iter();
            let chosen = choose(&candidates, |below| draws.next().unwrap() % below).unwrap();
            prop_assert!(chosen.load < *loads.iter().max().unwrap());
        }
    }
}
