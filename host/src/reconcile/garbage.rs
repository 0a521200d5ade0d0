//! Which stored components may go, decided: what was read and when in, digests out.
//!
//! Only positive evidence removes something. A component goes when nothing has referred to it at any look
//! of one leader for a whole grace period, and when it was not stored or pushed again within that time.
//! A state in which nothing at all is declared or kept is none to go by: it may have been wiped.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lattice_client::StoredArtifact;
use lattice_protocol::digest::Digest;

use super::references::References;

/// The most components that are watched for being unused; the others are looked at once these are gone.
const UNUSED_MAX: usize = 10_000;

/// The components that nothing refers to, as one leader sees them.
#[derive(Debug)]
pub struct Garbage {
    grace: Duration,
    /// Since when each was seen to be unused.
    unused: BTreeMap<Digest, Instant>,
}

impl Garbage {
    /// Nothing was seen yet.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            unused: BTreeMap::new(),
        }
    }

    /// Takes in what is stored and what refers to it, read after each other; answers what may go.
    pub fn look(
        &mut self,
        stored: &[StoredArtifact],
        references: &References,
        now: Instant,
    ) -> Vec<Digest> {
        if references.are_none() {
            self.forget();
            return Vec::new();
        }
        let is_unused = |one: &&StoredArtifact| references.of(&one.summary.digest).is_empty();
        let unused: BTreeMap<_, _> = stored
            .iter()
            .filter(is_unused)
            .take(UNUSED_MAX)
            .map(|one| (one.summary.digest.clone(), one.age))
            .collect();
        self.unused.retain(|digest, _| unused.contains_key(digest));
        let mut gone = Vec::new();
        for (digest, age) in unused {
            let since = *self.unused.entry(digest.clone()).or_insert(now);
            let is_long = now.saturating_duration_since(since) >= self.grace;
            // One whose age is not known stays.
            if is_long && age.is_some_and(|age| age >= self.grace) {
                gone.push(digest);
            }
        }
        gone
    }

    /// What was seen counts no more: something could not be read.
    pub fn forget(&mut self) {
        self.unused.clear();
    }
}

#[cfg(test)]
mod tests {
    use lattice_config::{Actor, App, ComponentRef};
    use lattice_protocol::control::ArtifactSummary;

    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    fn stored(name: &str, age_s: Option<u64>) -> StoredArtifact {
        StoredArtifact {
            summary: ArtifactSummary {
                digest: digest(name),
                bytes: 1,
                stored: String::new(),
                used_by: Vec::new(),
            },
            age: age_s.map(Duration::from_secs),
        }
    }

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn used(names: &[&str]) -> References {
        let mut references = References::default();
        for name in names {
            let mut app = App::new("app".parse().unwrap(), "1");
            let actor = Actor::new(ComponentRef::Digest(digest(name)));
            app.actors.insert("one".parse().unwrap(), actor);
            references.add(&app, || "app".to_owned());
        }
        references
    }

    #[test]
    fn what_nothing_referred_to_for_the_whole_grace_goes_and_nothing_else() {
        let mut garbage = Garbage::new(GRACE);
        let now = Instant::now();
        let all = ["old", "new", "ageless", "used"];
        let ages = [Some(600), Some(59), None, Some(600)];
        let all: Vec<_> = all
            .into_iter()
            .zip(ages)
            .map(|(name, age)| stored(name, age))
            .collect();
        let used = used(&["used"]);
        assert!(
            garbage.look(&all, &used, now).is_empty(),
            "seen for the first time"
        );
        let almost = now + GRACE - Duration::from_millis(1);
        assert!(garbage.look(&all, &used, almost).is_empty());
        assert_eq!(garbage.look(&all, &used, now + GRACE), [digest("old")]);
    }

    #[test]
    fn what_was_referred_to_in_between_begins_anew() {
        let mut garbage = Garbage::new(GRACE);
        let now = Instant::now();
        let all = [stored("a", Some(600))];
        garbage.look(&all, &used(&["b"]), now);
        garbage.look(&all, &used(&["a", "b"]), now + GRACE / 2);
        assert!(garbage.look(&all, &used(&["b"]), now + GRACE).is_empty());
        let later = now + GRACE * 2;
        assert_eq!(garbage.look(&all, &used(&["b"]), later), [digest("a")]);
    }

    #[test]
    fn a_state_that_declares_nothing_removes_nothing() {
        let mut garbage = Garbage::new(GRACE);
        let now = Instant::now();
        let all = [stored("a", Some(600))];
        for look in 0..4 {
            assert!(
                garbage
                    .look(&all, &used(&[]), now + GRACE * look)
                    .is_empty()
            );
        }
    }

    #[test]
    fn what_can_not_be_read_is_no_evidence() {
        let mut garbage = Garbage::new(GRACE);
        let now = Instant::now();
        let all = [stored("a", Some(600))];
        garbage.look(&all, &used(&["b"]), now);
        garbage.forget();
        assert!(garbage.look(&all, &used(&["b"]), now + GRACE).is_empty());
    }
}
