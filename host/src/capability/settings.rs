//! What `wasi:config` answers: the actor's own config, and under it named ones of the lattice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::reconcile::configs::NamedConfig;

/// The config of one guest. A call sees one state of it from its start to its end.
#[derive(Clone, Default)]
pub struct Settings {
    own: Arc<BTreeMap<String, String>>,
    named: Arc<[Arc<NamedConfig>]>,
    /// What the named ones hold in this call.
    now: Vec<Arc<BTreeMap<String, String>>>,
}

impl Settings {
    /// An actor's own config over named ones, of which the later hide the earlier.
    pub fn new(own: BTreeMap<String, String>, named: Vec<Arc<NamedConfig>>) -> Self {
        Self {
            own: Arc::new(own),
            named: named.into(),
            now: Vec::new(),
        }
    }

    /// From here on as the lattice has it by now.
    pub(super) fn refresh(&mut self) {
        if !self.named.is_empty() {
            self.now.clear();
            self.now
                .extend(self.named.iter().map(|named| named.values()));
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&String> {
        let named = || self.now.iter().rev().find_map(|values| values.get(key));
        self.own.get(key).or_else(named)
    }

    pub(super) fn all(&self) -> Vec<(String, String)> {
        let layers = self.now.iter().chain([&self.own]);
        let merged: BTreeMap<_, _> = layers.flat_map(|values| values.iter()).collect();
        let owned = |(key, value): (&String, &String)| (key.clone(), value.clone());
        merged.into_iter().map(owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_own_config_hides_the_named_ones_and_a_later_one_an_earlier() {
        let first = NamedConfig::of(values(&[("a", "1"), ("b", "1"), ("c", "1")]));
        let second = NamedConfig::of(values(&[("b", "2"), ("c", "2")]));
        let named = vec![Arc::new(first), Arc::new(second)];
        let mut settings = Settings::new(values(&[("c", "own")]), named);
        settings.refresh();
        let get = |key: &str| settings.get(key).map(String::as_str);
        assert_eq!(
            (get("a"), get("b"), get("c"), get("d")),
            (Some("1"), Some("2"), Some("own"), None)
        );
        let all: BTreeMap<_, _> = settings.all().into_iter().collect();
        assert_eq!(all, values(&[("a", "1"), ("b", "2"), ("c", "own")]));
    }
}
