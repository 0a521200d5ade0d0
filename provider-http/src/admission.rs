//! How much work is taken on at once: requests in flight, and the bytes of bodies held for them.
//!
//! Counters instead of queues: what is over a bound is refused at once, so that a client learns
//! it within milliseconds and nothing piles up here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::status::Refusal;

/// What is in flight in the whole process.
#[derive(Debug, Default)]
pub(crate) struct Load {
    requests: Arc<AtomicUsize>,
    body_bytes: Arc<AtomicUsize>,
}

/// A part of a bound; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    counter: Arc<AtomicUsize>,
    taken: usize,
    max: usize,
}

impl Load {
    /// A place for one request.
    pub(crate) fn request(&self, max: usize) -> Result<Share, Refusal> {
        let mut share = Share {
            counter: self.requests.clone(),
            taken: 0,
            max,
        };
        share.grow(1)?;
        Ok(share)
    }

    /// Room for a body, none at first.
    pub(crate) fn body(&self, max: usize) -> Share {
        Share {
            counter: self.body_bytes.clone(),
            taken: 0,
            max,
        }
    }
}

impl Share {
    /// Takes `more`, or nothing when that would go over the bound.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        let before = self.counter.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > self.max {
            self.counter.fetch_sub(more, Ordering::Relaxed);
            return Err(Refusal::OVERLOADED);
        }
        self.taken += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_over_the_bound_is_refused_until_another_ends() {
        let load = Load::default();
        let first = load.request(1).unwrap();
        assert_eq!(load.request(1).unwrap_err(), Refusal::OVERLOADED);
        drop(first);
        assert!(load.request(1).is_ok());
    }

    #[test]
    fn bodies_share_one_bound_and_give_their_bytes_back() {
        let load = Load::default();
        let mut large = load.body(10);
        large.grow(10).unwrap();
        let mut small = load.body(10);
        assert_eq!(small.grow(1).unwrap_err(), Refusal::OVERLOADED);
        drop(large);
        small.grow(1).unwrap();
        drop(small);
        assert_eq!(load.body_bytes.load(Ordering::Relaxed), 0);
    }
}
