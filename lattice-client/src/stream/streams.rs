//! The streams of a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pipe::Reader;
use super::progress::Progress;

/// The streams of a call, numbered from 1 on in the order they were given; clones share them.
///
/// They are taken out when somebody reads them. A call none of whose streams was begun has lost
/// nothing when it is refused, and can be made again.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// None for a call without streams, which is nearly every call: it costs nothing.
    shared: Option<Arc<Mutex<Vec<Option<Reader>>>>>,
}

impl Streams {
    /// The streams of a call, in order.
    pub fn new(readers: Vec<Reader>) -> Self {
        let shared = match readers.is_empty() {
            true => None,
            false => Some(Arc::new(Mutex::new(
                readers.into_iter().map(Some).collect(),
            ))),
        };
        Self { shared }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shared.is_none()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().map_or(0, |readers| readers.len())
    }

    /// Takes stream `number`; `None` if there is no such stream, or it was taken.
    pub fn take(&self, number: u32) -> Option<Reader> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lock()?.get_mut(index)?.take()
    }

    /// When each stream that is still here moved last.
    pub fn progress(&self) -> Vec<Progress> {
        let readers = self.lock();
        readers.map_or_else(Vec::new, |readers| {
            readers.iter().flatten().map(Reader::progress).collect()
        })
    }

    /// Whether every stream is here, and none was begun.
    pub fn are_whole(&self) -> bool {
        let is_whole = |reader: &Option<Reader>| reader.as_ref().is_some_and(|r| !r.is_begun());
        self.lock()
            .is_none_or(|readers| readers.iter().all(is_whole))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Vec<Option<Reader>>>> {
        // Nothing panics under this lock.
        let shared = self.shared.as_ref()?;
        Some(shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Vec<Reader>> for Streams {
    fn from(readers: Vec<Reader>) -> Self {
        Self::new(readers)
    }
}
