//! Which stored bytes may go that no component has, decided: what was seen and when in, ids out.
//!
//! A push stores bytes before it writes the record that names them. So bytes go only when no record named
//! them, and nothing was added to them, at any look of one leader for a whole grace period.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use lattice_protocol::id::BytesId;

/// The most that are watched; the others are looked at once these are gone.
const ORPHANS_MAX: usize = 10_000;

/// The bytes that no component has, as one leader sees them.
#[derive(Debug)]
pub struct Orphans {
    grace: Duration,
    /// Since when each was seen to have so many messages.
    seen: BTreeMap<BytesId, (usize, Instant)>,
    /// Bytes that are none of ours: somebody else stored them, and they stay.
    foreign: BTreeSet<BytesId>,
}

impl Orphans {
    /// Nothing was seen yet.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            seen: BTreeMap::new(),
            foreign: BTreeSet::new(),
        }
    }

    /// Takes in the bytes that no record names, with how many messages there are of each; answers which may
    /// go.
    pub fn look(&mut self, unnamed: BTreeMap<BytesId, usize>, now: Instant) -> Vec<BytesId> {
        let before = std::mem::take(&mut self.seen);
        self.foreign.retain(|id| unnamed.contains_key(id));
        let unnamed = unnamed.into_iter();
        let ours = unnamed.filter(|(id, _)| !self.foreign.contains(id));
        let since = |id: &BytesId, count: usize| match before.get(id) {
            Some((then, since)) if *then == count => *since,
            _ => now,
        };
        let seen = ours.take(ORPHANS_MAX).map(|(id, count)| {
            let since = since(&id, count);
            (id, (count, since))
        });
        self.seen = seen.collect();
        let is_old = |since: Instant| now.saturating_duration_since(since) >= self.grace;
        let old = self.seen.iter().filter(|(_, (_, since))| is_old(*since));
        old.map(|(id, _)| id.clone()).collect()
    }

    /// These are none of ours: they are looked at no more.
    pub fn leave(&mut self, id: BytesId) {
        self.foreign.insert(id);
    }

    /// What was seen counts no more: something could not be read.
    pub fn forget(&mut self) {
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    fn unnamed(all: &[(&str, usize)]) -> BTreeMap<BytesId, usize> {
        let all = all.iter();
        all.map(|(id, count)| (id.parse().unwrap(), *count))
            .collect()
    }

    fn look(orphans: &mut Orphans, all: &[(&str, usize)], now: Instant) -> Vec<String> {
        let gone = orphans.look(unnamed(all), now);
        gone.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_no_record_named_for_the_whole_grace_goes_and_what_grows_or_came_later_stays() {
        let (mut orphans, now) = (Orphans::new(GRACE), Instant::now());
        assert!(look(&mut orphans, &[("left", 3), ("grows", 1)], now).is_empty());
        let almost = now + GRACE - Duration::from_millis(1);
        let all = [("left", 3), ("grows", 2), ("new", 3)];
        assert!(look(&mut orphans, &all, almost).is_empty());
        assert_eq!(look(&mut orphans, &all, now + GRACE), ["left"]);
        let later = almost + GRACE;
        assert_eq!(look(&mut orphans, &all[1..], later), ["grows", "new"]);
    }

    #[test]
    fn what_others_stored_is_left_and_takes_nobodys_place() {
        let (mut orphans, now) = (Orphans::new(Duration::ZERO), Instant::now());
        let all = [("foreign", 1), ("ours", 1)];
        assert_eq!(look(&mut orphans, &all, now), ["foreign", "ours"]);
        orphans.leave("foreign".parse().unwrap());
        assert_eq!(look(&mut orphans, &all, now), ["ours"]);
        // Gone and there again, it may be anybody's.
        look(&mut orphans, &[], now);
        assert_eq!(look(&mut orphans, &all, now), ["foreign", "ours"]);
    }

    #[test]
    fn what_was_named_in_between_or_could_not_be_read_begins_anew() {
        let (mut orphans, now) = (Orphans::new(GRACE), Instant::now());
        let all = [("a", 1)];
        look(&mut orphans, &all, now);
        look(&mut orphans, &[], now + GRACE / 2);
        assert!(look(&mut orphans, &all, now + GRACE).is_empty());
        orphans.forget();
        assert!(look(&mut orphans, &all, now + GRACE * 2).is_empty());
        assert_eq!(look(&mut orphans, &all, now + GRACE * 3), ["a"]);
    }
}
