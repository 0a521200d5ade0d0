//! One figure: what was measured, its limit, and whether it reaches its target.

use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Calls a second.
    #[serde(rename = "/s")]
    PerSecond,
    /// Microseconds.
    #[serde(rename = "µs")]
    Micros,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Mebibytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// Kibibytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// Mebibytes a second.
    #[serde(rename = "MiB/s")]
    MebibytesPerSecond,
    /// Things.
    #[serde(rename = "")]
    Count,
}

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// Nothing is promised: it is there to be seen.
    None,
    /// At least so many times the limit.
    RatioAtLeast(f64),
    /// At most so many times the limit.
    RatioAtMost(f64),
    /// At most this, in the figure's own unit.
    AtMost(f64),
}

/// How often ours goes into the limit, or the other way: over all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) ours: f64,
    /// What it is compared with, if that could be measured.
    pub(crate) limit: Option<f64>,
    pub(crate) limit_is: String,
    pub(crate) ratio: Option<Ratio>,
    pub(crate) target: Target,
}

impl Figure {
    /// A figure without a limit, held to an absolute target or to none.
    pub(crate) fn plain(what: impl Into<String>, unit: Unit, ours: f64, target: Target) -> Self {
        Self {
            what: what.into(),
            unit,
            ours,
            limit: None,
            limit_is: String::new(),
            ratio: None,
            target,
        }
    }

    /// Whether the target is reached; `None` if there is none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let ratio = self.ratio.map(|ratio| ratio.median);
        match self.target {
            Target::None => None,
            Target::RatioAtLeast(least) => ratio.map(|ratio| ratio >= least),
            Target::RatioAtMost(most) => ratio.map(|ratio| ratio <= most),
            Target::AtMost(most) => Some(self.ours <= most),
        }
    }
}

impl Ratio {
    /// From the ratio of each round.
    pub(crate) fn of(rounds: &[f64]) -> Self {
        Self {
            median: median(rounds),
            least: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            most: rounds.iter().copied().fold(0.0, f64::max),
        }
    }
}

/// The middle value; of an even number, the mean of the two in the middle. 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => {
            f64::midpoint(*below, *above)
        }
        (_, Some(value)) => *value,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_and_of_two_middles_the_mean() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_target_is_met_by_the_median_of_the_ratios() {
        let mut figure = Figure::plain("x", Unit::Micros, 9.0, Target::AtMost(10.0));
        assert_eq!(figure.is_met(), Some(true));
        figure.target = Target::RatioAtLeast(0.7);
        assert_eq!(figure.is_met(), None, "there is no limit to compare with");
        figure.ratio = Some(Ratio::of(&[0.6, 0.8, 0.9]));
        assert_eq!(figure.is_met(), Some(true));
        figure.target = Target::RatioAtMost(0.7);
        assert_eq!(figure.is_met(), Some(false));
    }
}
