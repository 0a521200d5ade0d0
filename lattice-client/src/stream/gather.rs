//! Payloads that come in parts, put together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use lattice_protocol::error::{CallError, ErrorCode};

/// The largest payload that is taken in parts: the most that an actor's limit on payloads can be.
const PAYLOAD_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What all payloads that came in parts may hold of a process's memory, from their first part until
/// nobody needs them any more, unless it is told: two of the largest.
pub const GATHERED_BYTES_DEFAULT: usize = 1024 * 1024 * 1024;

/// What the payloads of a process that came in parts hold together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    held: Arc<AtomicUsize>,
    most: usize,
}

impl Budget {
    /// So many bytes at the most.
    pub(crate) fn of(most: usize) -> Self {
        Self {
            held: Arc::default(),
            most,
        }
    }
}

/// A payload that is being put together.
#[derive(Debug)]
pub(super) struct Gather {
    parts: BytesMut,
    all: usize,
    share: Share,
}

/// What one payload holds; given back when it goes.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

/// A whole payload with what it holds.
struct Gathered {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Gathered {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Gather {
    /// Begins with the first part of a payload that has `all` bytes.
    pub(super) fn begin(budget: &Budget, first: &[u8], all: u64) -> Result<Self, CallError> {
        let bytes = usize::try_from(all)
            .ok()
            .filter(|_| all <= PAYLOAD_BYTES_MAX)
            .ok_or_else(|| too_large(all))?;
        let mut gather = Self {
            // What is announced is only a promise: memory is taken as the parts come.
            parts: BytesMut::with_capacity(first.len()),
            all: bytes,
            share: Share {
                budget: budget.clone(),
                bytes: 0,
            },
        };
        gather.add(first)?;
        Ok(gather)
    }

    /// Adds a part.
    pub(super) fn add(&mut self, part: &[u8]) -> Result<(), CallError> {
        if self.parts.len() + part.len() > self.all {
            let message = format!("more came than the {} bytes that were announced", self.all);
            return Err(CallError::refused(ErrorCode::BadRequest, message));
        }
        self.share.grow(part.len())?;
        self.parts.extend_from_slice(part);
        Ok(())
    }

    /// The whole payload, once its last part has come.
    pub(super) fn finish(self) -> Result<Bytes, CallError> {
        if self.parts.len() != self.all {
            let message = format!(
                "{} bytes were announced and {} came",
                self.all,
                self.parts.len()
            );
            return Err(CallError::refused(ErrorCode::BadRequest, message));
        }
        Ok(Bytes::from_owner(Gathered {
            bytes: self.parts.freeze(),
            _share: self.share,
        }))
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), CallError> {
        let held = self.budget.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.bytes += bytes;
        if held > self.budget.most {
            let message = "the large payloads of other calls take all the room that there is";
            return Err(CallError::refused(ErrorCode::Overloaded, message));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn too_large(bytes: u64) -> CallError {
    let message = format!("the payload has {bytes} bytes and {PAYLOAD_BYTES_MAX} are taken");
    CallError::refused(ErrorCode::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole_and_give_their_room_back_when_it_goes() {
        let budget = Budget::of(GATHERED_BYTES_DEFAULT);
        let mut gather = Gather::begin(&budget, b"ab", 5).unwrap();
        gather.add(b"cde").unwrap();
        assert!(gather.add(b"f").is_err());
        let whole = gather.finish().unwrap();
        let copy = whole.clone();
        assert_eq!(whole, "abcde");
        assert_eq!(budget.held.load(Ordering::Relaxed), 5);
        drop((whole, copy));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_payload_that_is_not_what_was_announced_is_refused() {
        let budget = Budget::of(GATHERED_BYTES_DEFAULT);
        let gather = Gather::begin(&budget, b"ab", 5).unwrap();
        assert!(gather.finish().is_err());
        let error = Gather::begin(&budget, b"", PAYLOAD_BYTES_MAX + 1).unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLarge);
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn no_more_than_the_budget_is_held() {
        let budget = Budget::of(GATHERED_BYTES_DEFAULT);
        budget.held.store(GATHERED_BYTES_DEFAULT, Ordering::Relaxed);
        let error = Gather::begin(&budget, b"x", 1).unwrap_err();
        assert_eq!(error.code, ErrorCode::Overloaded);
        assert_eq!(budget.held.load(Ordering::Relaxed), GATHERED_BYTES_DEFAULT);
    }
}
