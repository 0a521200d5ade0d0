//! Whatever has metrics, found when somebody reads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use opentelemetry::metrics;

use super::process::Process;
use super::{ActorCounts, Callee, Meter, Samples};

/// How many functions of one target are told apart: more than anybody looks at, and a component with
/// a hundred thousand exports can't make the text endless. The rest count together.
const FUNCTIONS_MAX: usize = 256;
/// What the rest are called. No function has such a name.
const OTHERS: &str = "(others)";
/// For how long what was read serves other readers too: a collector asks for one family after the
/// other, and they should be of one moment.
const FRESH: Duration = Duration::from_millis(200);

/// Something that has metrics of its own.
pub trait Source: Send + Sync {
    /// Says what they are now.
    fn samples(&self, to: &mut Samples);
}

type Key = (Callee, String, String);

/// Everything in this process that has metrics. It keeps none of it: what is dropped is not read.
pub struct Registry {
    sources: Mutex<Vec<Weak<dyn Source>>>,
    meters: Mutex<BTreeMap<Key, Weak<Meter>>>,
    actors: Mutex<BTreeMap<String, Weak<ActorCounts>>>,
    process: Process,
    /// Durations for the collector, by callee.
    exported: Option<[metrics::Histogram<f64>; 2]>,
    read: Mutex<Option<(Instant, Arc<Samples>)>>,
}

impl Registry {
    pub(crate) fn new(process: Process, exported: Option<[metrics::Histogram<f64>; 2]>) -> Self {
        Self {
            sources: Mutex::default(),
            meters: Mutex::default(),
            actors: Mutex::default(),
            process,
            exported,
            read: Mutex::default(),
        }
    }

    /// Reads this source too, for as long as it is there.
    pub fn add(&self, source: Weak<dyn Source>) {
        let mut sources = lock(&self.sources);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(source);
    }

    /// The meters of a target's functions, in their order. Who already has one of these shares it:
    /// an update goes on counting where the revision before it is.
    pub fn meters<'a>(
        &self,
        callee: Callee,
        target: &str,
        functions: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Arc<Meter>> {
        let mut meters = lock(&self.meters);
        // Not each time: with thousands of actors that would be most of the work.
        if meters.len().is_power_of_two() {
            meters.retain(|_, meter| meter.strong_count() > 0);
        }
        let functions = functions.into_iter().enumerate();
        let name = |(at, function)| if at < FUNCTIONS_MAX { function } else { OTHERS };
        functions
            .map(name)
            .map(|function| self.meter(&mut meters, (callee, target.into(), function.into())))
            .collect()
    }

    /// The counts of an actor, which its revisions share.
    pub fn actor(&self, name: &str) -> Arc<ActorCounts> {
        let mut actors = lock(&self.actors);
        if actors.len().is_power_of_two() {
            actors.retain(|_, counts| counts.strong_count() > 0);
        }
        if let Some(counts) = actors.get(name).and_then(Weak::upgrade) {
            return counts;
        }
        let counts = Arc::new(ActorCounts::default());
        actors.insert(name.to_owned(), Arc::downgrade(&counts));
        counts
    }

    fn meter(&self, meters: &mut BTreeMap<Key, Weak<Meter>>, key: Key) -> Arc<Meter> {
        if let Some(meter) = meters.get(&key).and_then(Weak::upgrade) {
            return meter;
        }
        let meter = Arc::new(Meter::new(key.0, &key.1, &key.2));
        if let Some([actors, providers]) = &self.exported {
            meter.export(match meter.callee() {
                Callee::Actor => actors.clone(),
                Callee::Provider => providers.clone(),
            });
        }
        meters.insert(key, Arc::downgrade(&meter));
        meter
    }

    /// Everything, now.
    pub fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        let sources: Vec<_> = lock(&self.sources)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let meters: Vec<_> = lock(&self.meters)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for meter in meters {
            meter.samples(&mut samples);
        }
        for (name, counts) in &*lock(&self.actors) {
            if let Some(counts) = counts.upgrade() {
                counts.samples(&mut samples, name);
            }
        }
        for source in sources {
            source.samples(&mut samples);
        }
        self.process.samples(&mut samples);
        samples
    }

    /// Everything, as it was not long ago.
    pub(crate) fn recent(&self) -> Arc<Samples> {
        let mut read = lock(&self.read);
        match &*read {
            Some((at, samples)) if at.elapsed() < FRESH => samples.clone(),
            _ => {
                let samples = Arc::new(self.samples());
                *read = Some((Instant::now(), samples.clone()));
                samples
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A source that panics has left nothing half done here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::family;
    use super::*;
    use crate::Way;

    fn registry() -> Registry {
        Registry::new(Process::new(Vec::new()), None)
    }

    fn calls(registry: &Registry) -> usize {
        let samples = registry.samples();
        samples.of(&family::CALLS).map_or(0, |(_, all)| all.len())
    }

    #[test]
    fn an_update_goes_on_counting_and_what_is_gone_is_not_read() {
        let registry = registry();
        let before = registry.meters(Callee::Actor, "a", ["f", "g"]);
        before[0].record(Way::Local, None, Duration::ZERO);
        let after = registry.meters(Callee::Actor, "a", ["g", "f"]);
        assert!(Arc::ptr_eq(&before[0], &after[1]));
        drop(before);
        assert_eq!(calls(&registry), 1);
        drop(after);
        assert_eq!(calls(&registry), 0);
    }

    #[test]
    fn functions_without_number_count_together() {
        let registry = registry();
        let names: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
        let meters = registry.meters(Callee::Actor, "a", names.iter().map(String::as_str));
        for meter in &meters {
            meter.record(Way::Queue, None, Duration::ZERO);
        }
        assert_eq!(meters.len(), 1_000);
        assert_eq!(calls(&registry), FUNCTIONS_MAX + 1);
    }
}
