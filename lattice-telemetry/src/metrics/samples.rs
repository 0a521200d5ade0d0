//! What was read at one moment.

use super::{Family, Snapshot, family};

/// Everything that was read, by family.
#[derive(Debug, Default)]
pub struct Samples(Vec<(&'static Family, Vec<Sample>)>);

/// One series of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What tells it from the others.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(Snapshot),
}

impl Samples {
    /// Adds a series.
    pub fn put(&mut self, family: &'static Family, labels: &[(&'static str, &str)], value: Value) {
        let labels = labels
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()));
        let sample = Sample {
            labels: labels.collect(),
            value,
        };
        match self.0.iter_mut().find(|(known, _)| *known == family) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((family, vec![sample])),
        }
    }

    /// Adds a series of a counter or a gauge.
    pub fn number(
        &mut self,
        family: &'static Family,
        labels: &[(&'static str, &str)],
        value: impl Into<u64>,
    ) {
        // Counts stay below the 2^53 up to which a float is exact.
        self.put(family, labels, Value::Number(value.into() as f64));
    }

    /// Adds a count with one label more, unless there was nothing to count.
    pub(crate) fn some(
        &mut self,
        family: &'static Family,
        own: &[(&'static str, &str)],
        label: (&'static str, &str),
        count: u64,
    ) {
        if count > 0 {
            let mut labels = own.to_vec();
            labels.push(label);
            self.number(family, &labels, count);
        }
    }

    /// The families that have series, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Family, &[Sample])> {
        family::ALL.iter().filter_map(|family| self.of(family))
    }

    /// The series of one family.
    pub(crate) fn of(&self, family: &Family) -> Option<(&'static Family, &[Sample])> {
        let found = self.0.iter().find(|(known, _)| *known == family);
        found.map(|(family, samples)| (*family, samples.as_slice()))
    }
}
