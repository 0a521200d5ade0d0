//! What the hosts that run a provider say of its processes.

use std::time::{Duration, Instant};

use lattice_protocol::id::{ProcessId, ProviderName};
use lattice_protocol::report::{HEARTBEAT_SILENCE_MAX, Phase, ProviderReport, Report};

/// The processes of one provider, by the last heartbeats: what a host said holds until it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copies {
    /// No host runs one: it may be run by somebody else, or be none.
    Unknown,
    /// None is known to hang.
    Well,
    /// Some hang, and these don't.
    Some(Vec<ProcessId>),
    /// All hang, since then.
    Silent {
        /// When the last of them fell silent.
        since: Instant,
    },
}

impl Copies {
    /// What these hosts say of `provider`, each with how long ago it was heard.
    pub(super) fn of<'r>(
        reports: impl Iterator<Item = (&'r Report, Duration)>,
        provider: &ProviderName,
        now: Instant,
    ) -> Self {
        let (mut running, mut well, mut late) = (0_usize, Vec::new(), Vec::new());
        let mut shortest: Option<Duration> = None;
        for (report, ago) in reports {
            let Some(copy) = report.providers.get(provider) else {
                continue;
            };
            match copy.silent_ms.map(Duration::from_millis) {
                Some(silence) => {
                    let silence = silence.saturating_add(ago);
                    shortest = Some(shortest.map_or(silence, |other| other.min(silence)));
                }
                None if takes_calls(copy) => {
                    running += 1;
                    match ago <= HEARTBEAT_SILENCE_MAX {
                        true => well.extend(copy.process.clone()),
                        false => late.extend(copy.process.clone()),
                    }
                }
                None => {}
            }
        }
        // Those of hosts that are late are better than those that hang, and worse than all others.
        let well = if well.is_empty() { late } else { well };
        match (shortest, running) {
            (None, 0) => Self::Unknown,
            (None, _) => Self::Well,
            (Some(silence), 0) => Self::Silent {
                since: now.checked_sub(silence).unwrap_or(now),
            },
            // Hosts of before don't name their processes.
            (Some(_), _) if well.is_empty() => Self::Well,
            (Some(_), _) => Self::Some(well),
        }
    }
}

/// One that refuses its settings, or has failed before, may still answer calls.
fn takes_calls(copy: &ProviderReport) -> bool {
    copy.pid.is_some() && matches!(copy.phase, Phase::Running | Phase::Failed { .. })
        || copy.phase == Phase::Running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::testing::with_provider;

    fn report(process: &str, silent_ms: Option<u64>, phase: Phase) -> Report {
        let mut report = with_provider("h", phase);
        for provider in report.providers.values_mut() {
            provider.pid = Some(1);
            provider.process = Some(process.parse().unwrap());
            provider.silent_ms = silent_ms;
        }
        report
    }

    fn copies(reports: &[Report]) -> Copies {
        let heard: Vec<_> = reports.iter().map(|report| (report.clone(), 0)).collect();
        copies_heard(&heard)
    }

    /// The same, each heard so many milliseconds ago.
    fn copies_heard(reports: &[(Report, u64)]) -> Copies {
        let reports = reports
            .iter()
            .map(|(report, ago)| (report, Duration::from_millis(*ago)));
        Copies::of(reports, &"kv".parse().unwrap(), Instant::now())
    }

    #[test]
    fn calls_go_to_those_that_answer_when_others_do_not() {
        let well = report("p1", None, Phase::Running);
        let silent = report("p2", Some(1_200), Phase::Running);
        let starting = report("p3", None, Phase::Starting);
        assert_eq!(copies(std::slice::from_ref(&well)), Copies::Well);
        assert_eq!(
            copies(&[silent, well, starting]),
            Copies::Some(vec!["p1".parse().unwrap()])
        );
    }

    #[test]
    fn one_that_only_starts_does_not_stand_for_one_that_hangs() {
        let silent = report("p2", Some(1_200), Phase::Running);
        let starting = report("p3", None, Phase::Starting);
        assert!(matches!(copies(&[silent, starting]), Copies::Silent { .. }));
    }

    #[test]
    fn what_was_said_holds_while_a_host_is_late() {
        let well = report("p1", None, Phase::Running);
        let silent = report("p2", Some(1_200), Phase::Running);
        let some = || Copies::Some(vec!["p1".parse().unwrap()]);
        for ago in [(0, 1_600), (1_600, 0), (1_600, 1_600)] {
            let both = [(well.clone(), ago.0), (silent.clone(), ago.1)];
            assert_eq!(copies_heard(&both), some(), "{ago:?}");
        }
        let other = report("p3", None, Phase::Running);
        let all = [(well, 0), (silent.clone(), 1_600), (other, 1_600)];
        assert_eq!(copies_heard(&all), some(), "one that was heard comes first");
        let alone = copies_heard(&[(silent, 1_600)]);
        assert!(matches!(alone, Copies::Silent { .. }), "{alone:?}");
    }

    #[test]
    fn who_runs_nowhere_is_unknown() {
        assert_eq!(copies(&[]), Copies::Unknown);
        let starting = report("p3", None, Phase::Starting);
        assert_eq!(copies(&[starting]), Copies::Unknown);
    }

    #[test]
    fn all_hang_since_the_last_fell_silent() {
        let now = Instant::now() + Duration::from_secs(60);
        let all = [
            report("p1", Some(9_000), Phase::Running),
            report("p2", Some(2_000), Phase::Running),
        ];
        let since = now - Duration::from_secs(3);
        let heard = all.iter().map(|report| (report, Duration::from_secs(1)));
        let copies = Copies::of(heard, &"kv".parse().unwrap(), now);
        assert_eq!(copies, Copies::Silent { since });
    }
}
