//! Two sides by turns, several rounds, medians.
//!
//! A shared machine is fast in one second and slow in the next: what is compared is measured next
//! to each other, and the ratio of each round counts, not the ratio of two averages.

use std::time::Duration;

use crate::cli::Cli;
use crate::figure::{Figure, Ratio, Target, Unit, median};
use crate::load::{self, Sample, Work};
use crate::usage::{Used, Watch};

/// What comes before the first round, of each side: connections, caches, pools.
const WARM_UP: Duration = Duration::from_millis(300);

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) slice: Duration,
    pub(crate) rounds: u32,
}

impl Plan {
    pub(crate) fn of(cli: &Cli) -> Self {
        Self {
            slice: cli.slice(),
            rounds: cli.rounds,
        }
    }

    /// Loads two sides by turns; each begins every second round.
    pub(crate) async fn compare<O: Work, L: Work>(
        self,
        ours: &mut Vec<O>,
        limit: &mut Vec<L>,
        watch: &Watch,
    ) -> anyhow::Result<Compared> {
        self.by_turns(
            async |time| load::closed(ours, time).await?.clean(),
            async |time| load::closed(limit, time).await?.clean(),
            watch,
        )
        .await
    }

    /// The same of two sides that load themselves.
    pub(crate) async fn by_turns(
        self,
        mut ours: impl AsyncFnMut(Duration) -> anyhow::Result<Sample>,
        mut limit: impl AsyncFnMut(Duration) -> anyhow::Result<Sample>,
        watch: &Watch,
    ) -> anyhow::Result<Compared> {
        ours(WARM_UP).await?;
        limit(WARM_UP).await?;
        let mut rounds = Vec::new();
        let mut used = (watch.nothing(), watch.nothing());
        for round in 0..self.rounds {
            let early = match round % 2 {
                0 => None,
                _ => Some(used.1.during(watch, limit(self.slice)).await?),
            };
            let own = used.0.during(watch, ours(self.slice)).await?;
            let other = match early {
                Some(sample) => sample,
                None => used.1.during(watch, limit(self.slice)).await?,
            };
            rounds.push((own, other));
        }
        Ok(Compared { rounds, used })
    }
}

/// Both sides of every round.
pub(crate) struct Compared {
    rounds: Vec<(Sample, Sample)>,
    used: (Used, Used),
}

impl Compared {
    /// One line of the table, from one number of each sample.
    pub(crate) fn figure(
        &self,
        what: impl Into<String>,
        limit_is: &str,
        unit: Unit,
        target: Target,
        number: impl Fn(&Sample) -> f64,
    ) -> Figure {
        let pairs: Vec<_> = self
            .rounds
            .iter()
            .map(|(o, l)| (number(o), number(l)))
            .collect();
        figure(what, limit_is, unit, target, &pairs)
    }

    /// Answers a second.
    pub(crate) fn throughput(&self, what: &str, limit_is: &str, target: Target) -> Figure {
        let what = format!("{what}, throughput");
        self.figure(what, limit_is, Unit::PerSecond, target, Sample::per_second)
    }

    /// The median latency.
    pub(crate) fn p50(&self, what: &str, limit_is: &str, target: Target) -> Figure {
        let what = format!("{what}, p50");
        self.figure(what, limit_is, Unit::Micros, target, |sample| {
            sample.micros(0.50)
        })
    }

    /// The latency that one call in a hundred exceeds.
    pub(crate) fn p99(&self, what: &str, limit_is: &str, target: Target) -> Figure {
        let what = format!("{what}, p99");
        self.figure(what, limit_is, Unit::Micros, target, |sample| {
            sample.micros(0.99)
        })
    }

    /// Where the processors' time went on both sides, by process, for each answer.
    pub(crate) fn spent(&self, what: &str) -> String {
        let ours = self.rounds.iter().map(|(ours, _)| ours.answered()).sum();
        let limit = self.rounds.iter().map(|(_, limit)| limit.answered()).sum();
        format!(
            "{what}: µs of processor time an answer: ours {}; limit {}",
            self.used.0.by_answer(ours),
            self.used.1.by_answer(limit)
        )
    }
}

/// One line of the table, from what both sides came to in each round.
pub(crate) fn figure(
    what: impl Into<String>,
    limit_is: &str,
    unit: Unit,
    target: Target,
    pairs: &[(f64, f64)],
) -> Figure {
    let ours: Vec<_> = pairs.iter().map(|(ours, _)| *ours).collect();
    let limit: Vec<_> = pairs.iter().map(|(_, limit)| *limit).collect();
    let ratios: Vec<_> = pairs.iter().map(|(ours, limit)| ours / limit).collect();
    Figure {
        what: what.into(),
        unit,
        ours: median(&ours),
        limit: Some(median(&limit)),
        limit_is: limit_is.to_owned(),
        ratio: Some(Ratio::of(&ratios)),
        target,
    }
}
