//! Hosts that fail: left out after several failures in a row, for a while that doubles.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lattice_protocol::id::HostId;

use super::pause::Pause;

/// How many calls in a row must fail before a host is left out: fewer would let a single burst of a
/// restart do it.
pub(super) const FAILURES_MAX: u32 = 7;
/// For how long, the first time and at the most.
const OUT_MIN: Duration = Duration::from_secs(1);
const OUT_MAX: Duration = Duration::from_secs(30);
/// How many hosts are kept in mind: far above any lattice; past it the books are begun anew.
const HOSTS_MAX: usize = 4_000;

/// What is held against hosts.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    hosts: HashMap<HostId, Record>,
}

#[derive(Debug)]
struct Record {
    failures: u32,
    out: Pause,
}

impl Suspects {
    /// Whether the host gets no calls now.
    pub(super) fn is_out(&self, host: &HostId, now: Instant) -> bool {
        let record = self.hosts.get(host);
        record.is_some_and(|record| !record.out.is_over(now))
    }

    /// A call to the host was answered.
    pub(super) fn answered(&mut self, host: &HostId) {
        self.hosts.remove(host);
    }

    /// A call to the host was not answered; after enough of them it is out.
    pub(super) fn failed(&mut self, host: &HostId, now: Instant) {
        if self.hosts.len() >= HOSTS_MAX {
            self.hosts.clear();
        }
        let record = self.hosts.entry(host.clone()).or_insert(Record {
            failures: 0,
            out: Pause::new(OUT_MIN, OUT_MAX),
        });
        record.failures += 1;
        if record.failures >= FAILURES_MAX {
            // After its time one failure is enough to be out again, for longer.
            record.failures = FAILURES_MAX - 1;
            record.out.begin(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_failures_in_a_row_leave_a_host_out_and_an_answer_forgives_them() {
        let (mut suspects, host, now) = (Suspects::default(), HostId::random(), Instant::now());
        for _ in 0..6 {
            suspects.failed(&host, now);
        }
        assert!(!suspects.is_out(&host, now));
        suspects.answered(&host);
        for _ in 0..6 {
            suspects.failed(&host, now);
        }
        assert!(!suspects.is_out(&host, now));
        suspects.failed(&host, now);
        assert!(suspects.is_out(&host, now));
        assert!(!suspects.is_out(&host, now + OUT_MIN));
    }

    #[test]
    fn a_host_that_fails_again_is_out_for_longer_up_to_a_bound() {
        let (mut suspects, host, mut now) = (Suspects::default(), HostId::random(), Instant::now());
        for _ in 0..6 {
            suspects.failed(&host, now);
        }
        let mut out_for = OUT_MIN;
        for _ in 0..10 {
            suspects.failed(&host, now);
            assert!(suspects.is_out(&host, now + out_for - Duration::from_millis(1)));
            now += out_for;
            assert!(!suspects.is_out(&host, now));
            out_for = (out_for * 2).min(OUT_MAX);
        }
    }
}
