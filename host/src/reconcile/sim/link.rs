//! The way between hosts and the store: how late, and whether at all.

/// How the network is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// The most that a message takes, most of the time.
    pub(super) delay_max_ms: u64,
    /// Of a hundred messages: how many are lost, doubled, and late by up to a second.
    pub(super) lost: u32,
    pub(super) doubled: u32,
    pub(super) late: u32,
}

impl Weather {
    pub(super) const FAIR: Self = Self {
        delay_max_ms: 20,
        lost: 0,
        doubled: 0,
        late: 0,
    };
    pub(super) const FOUL: Self = Self {
        delay_max_ms: 60,
        lost: 4,
        doubled: 4,
        late: 6,
    };
    /// Heartbeats that are lost and come out of order all the time, yet not so many in a row that a host
    /// seems gone.
    pub(super) const CONFUSED: Self = Self {
        delay_max_ms: 60,
        lost: 12,
        doubled: 15,
        late: 25,
    };

    /// After how many milliseconds a message comes, once for each time that it comes.
    pub(super) fn arrivals(&self, random: &mut fastrand::Rng) -> Vec<u64> {
        let one = |random: &mut fastrand::Rng| {
            let late = random.u32(0..100) < self.late;
            random.u64(1..=if late { 1_000 } else { self.delay_max_ms })
        };
        if random.u32(0..100) < self.lost {
            return Vec::new();
        }
        let mut arrivals = vec![one(random)];
        if random.u32(0..100) < self.doubled {
            arrivals.push(one(random));
        }
        arrivals
    }
}
