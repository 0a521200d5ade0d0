//! The handles of the buckets that were used last.
//!
//! A handle is a lookup saved and nothing more: dropping one costs the next use of its bucket a
//! question to the server. So callers may name as many buckets as they like, and none is refused.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::bucket::BucketName;

/// The most handles that are kept: more than buckets are busy at once, and few in memory.
const HANDLES_MAX: usize = 1024;

/// Opened by whoever comes first, while the others wait.
pub(super) type Handle<T> = Arc<OnceCell<T>>;

/// Handles by the names of their buckets.
#[derive(Debug)]
pub(super) struct Handles<T> {
    kept: HashMap<BucketName, Kept<T>>,
    /// Counts uses, to tell which was the last.
    uses: u64,
}

#[derive(Debug)]
struct Kept<T> {
    handle: Handle<T>,
    last_use: u64,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self {
            kept: HashMap::new(),
            uses: 0,
        }
    }
}

impl<T> Handles<T> {
    /// The handle of a bucket, made if there is none; none if all that may be kept are just opened
    /// by others.
    pub(super) fn of(&mut self, name: &BucketName) -> Option<Handle<T>> {
        self.uses += 1;
        if let Some(kept) = self.kept.get_mut(name) {
            kept.last_use = self.uses;
            return Some(kept.handle.clone());
        }
        if self.kept.len() >= HANDLES_MAX {
            let idle = self.longest_idle()?.clone();
            self.kept.remove(&idle);
        }
        let kept = Kept {
            handle: Handle::default(),
            last_use: self.uses,
        };
        let handle = kept.handle.clone();
        self.kept.insert(name.clone(), kept);
        Some(handle)
    }

    /// Forgets the handle of a bucket if it is the one that is meant.
    pub(super) fn forget(&mut self, name: &BucketName, is_it: impl Fn(&Handle<T>) -> bool) {
        if self.kept.get(name).is_some_and(|kept| is_it(&kept.handle)) {
            self.kept.remove(name);
        }
    }

    /// Not one that somebody holds: others would open its bucket a second time meanwhile.
    fn longest_idle(&self) -> Option<&BucketName> {
        self.kept
            .iter()
            .filter(|(_, kept)| Arc::strong_count(&kept.handle) == 1)
            .min_by_key(|(_, kept)| kept.last_use)
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(at: usize) -> BucketName {
        format!("b{at}").parse().unwrap()
    }

    fn full() -> Handles<usize> {
        let mut handles = Handles::default();
        for at in 0..HANDLES_MAX {
            handles.of(&name(at)).unwrap().set(at).unwrap();
        }
        handles
    }

    #[test]
    fn at_the_limit_the_handle_that_was_not_used_for_longest_makes_room() {
        let mut handles = full();
        assert_eq!(handles.of(&name(0)).unwrap().get(), Some(&0));
        for more in HANDLES_MAX..2 * HANDLES_MAX - 1 {
            assert!(handles.of(&name(more)).is_some());
            assert_eq!(handles.kept.len(), HANDLES_MAX);
        }
        assert!(handles.kept.contains_key(&name(0)));
        assert!(!handles.kept.contains_key(&name(1)));
        assert!(handles.of(&name(1)).unwrap().get().is_none());
        assert!(!handles.kept.contains_key(&name(0)));
    }

    #[test]
    fn a_handle_that_somebody_holds_is_kept() {
        let mut handles = full();
        let mut held: Vec<_> = (0..HANDLES_MAX)
            .map(|at| handles.of(&name(at)).unwrap())
            .collect();
        assert!(handles.of(&name(HANDLES_MAX)).is_none());
        held.remove(7);
        assert!(handles.of(&name(HANDLES_MAX)).is_some());
        assert!(!handles.kept.contains_key(&name(7)));
    }

    #[test]
    fn only_the_handle_that_is_meant_is_forgotten() {
        let mut handles = full();
        handles.forget(&name(3), |handle| handle.get() == Some(&4));
        assert!(handles.kept.contains_key(&name(3)));
        handles.forget(&name(3), |handle| handle.get() == Some(&3));
        assert!(!handles.kept.contains_key(&name(3)));
    }
}
