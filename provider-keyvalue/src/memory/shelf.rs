//! What is kept in memory: buckets, the order of their keys, how large all of it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use lattice_protocol::standard::keyvalue::KeyResponse;
use tokio::time::Instant;

use crate::bucket::BucketName;
use crate::store::{Error, PAGE_BYTES_MAX, PAGE_KEYS_MAX};

/// What an entry takes beside its key and value, by and large.
const ENTRY_BYTES: u64 = 256;

/// All buckets.
#[derive(Debug)]
pub(super) struct Shelf {
    buckets: HashMap<BucketName, Keys>,
    /// What has its time, by when it is over.
    leaving: BTreeSet<(Instant, BucketName, Arc<str>)>,
    /// Counts writes, so that no two have one number.
    writes: u64,
    bytes: u64,
    bytes_max: u64,
}

/// The keys of one bucket.
#[derive(Debug, Default)]
struct Keys {
    entries: HashMap<Arc<str>, Entry>,
    /// Keys by the number of the write that made them: what a cursor counts.
    order: BTreeMap<u64, Arc<str>>,
}

/// What stands at a key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: Bytes,
    /// The number of the last write.
    pub(super) version: u64,
    /// The number of the first.
    place: u64,
    until: Option<Instant>,
}

impl Shelf {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            buckets: HashMap::new(),
            leaving: BTreeSet::new(),
            writes: 0,
            bytes: 0,
            bytes_max,
        }
    }

    /// Makes sure that there is such a bucket.
    pub(super) fn open(&mut self, name: &BucketName, create: bool) -> Result<(), Error> {
        if self.buckets.contains_key(name) {
            return Ok(());
        }
        if !create {
            return Err(Error::no_such_store());
        }
        self.take_room(0, ENTRY_BYTES)?;
        self.buckets.insert(name.clone(), Keys::default());
        Ok(())
    }

    pub(super) fn get(&self, bucket: &BucketName, key: &str) -> Option<&Entry> {
        self.buckets.get(bucket)?.entries.get(key)
    }

    pub(super) fn put(
        &mut self,
        bucket: &BucketName,
        key: &str,
        value: Bytes,
        until: Option<Instant>,
    ) -> Result<(), Error> {
        let before = self.get(bucket, key);
        let given = before.map_or(0, |entry| size(key, &entry.value));
        self.take_room(given, size(key, &value))?;
        let before = self.lift(bucket, key);
        self.writes += 1;
        let entry = Entry {
            // What arrived with a whole message must not keep all of it.
            value: Bytes::copy_from_slice(&value),
            version: self.writes,
            place: before.map_or(self.writes, |entry| entry.place),
            until,
        };
        let key: Arc<str> = key.into();
        if let Some(until) = until {
            self.leaving.insert((until, bucket.clone(), key.clone()));
        }
        let keys = self.buckets.entry(bucket.clone()).or_default();
        keys.order.insert(entry.place, key.clone());
        keys.entries.insert(key, entry);
        Ok(())
    }

    pub(super) fn remove(&mut self, bucket: &BucketName, key: &str) {
        if let Some(entry) = self.lift(bucket, key) {
            self.bytes = self.bytes.saturating_sub(size(key, &entry.value));
        }
    }

    /// Removes what has had its time.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((until, ..)) = self.leaving.first()
            && *until <= now
            && let Some((_, bucket, key)) = self.leaving.pop_first()
        {
            self.remove(&bucket, &key);
        }
    }

    /// The keys that were made after the one that `cursor` counts.
    pub(super) fn page(&self, bucket: &BucketName, cursor: Option<u64>) -> KeyResponse {
        let mut page = KeyResponse {
            keys: Vec::new(),
            cursor: None,
        };
        let Some(keys) = self.buckets.get(bucket) else {
            return page;
        };
        let after = cursor.map_or(0, |last| last.saturating_add(1));
        let (mut bytes, mut last) = (0, None);
        for (place, key) in keys.order.range(after..) {
            if page.keys.len() >= PAGE_KEYS_MAX || bytes >= PAGE_BYTES_MAX {
                page.cursor = last;
                break;
            }
            bytes += key.len();
            last = Some(*place);
            page.keys.push(key.to_string());
        }
        page
    }

    /// Takes an entry out, without counting what it leaves.
    fn lift(&mut self, bucket: &BucketName, key: &str) -> Option<Entry> {
        let keys = self.buckets.get_mut(bucket)?;
        let (key, entry) = keys.entries.remove_entry(key)?;
        keys.order.remove(&entry.place);
        if let Some(until) = entry.until {
            self.leaving.remove(&(until, bucket.clone(), key));
        }
        Some(entry)
    }

    /// Counts what comes in the place of what is `given` up.
    fn take_room(&mut self, given: u64, taken: u64) -> Result<(), Error> {
        let bytes = self.bytes.saturating_sub(given).saturating_add(taken);
        if bytes > self.bytes_max && taken > given {
            return Err(Error::Failed(lattice_protocol::error::CallError::refused(
                lattice_protocol::error::ErrorCode::Unavailable,
                format!(
                    "the store in memory is full: it keeps {} MiB, raise memory_mib or remove keys",
                    self.bytes_max >> 20
                ),
            )));
        }
        self.bytes = bytes;
        Ok(())
    }
}

fn size(key: &str, value: &Bytes) -> u64 {
    // The key is kept twice. No length is beyond 64 bits.
    (2 * key.len() + value.len()) as u64 + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> BucketName {
        "b".parse().unwrap()
    }

    fn put(shelf: &mut Shelf, key: &str, bytes: usize) -> Result<(), Error> {
        shelf.put(&name(), key, vec![0; bytes].into(), None)
    }

    #[test]
    fn past_its_bound_nothing_is_taken_until_something_goes() {
        let mut shelf = Shelf::new(4096);
        shelf.open(&name(), true).unwrap();
        put(&mut shelf, "a", 2000).unwrap();
        let Error::Failed(full) = put(&mut shelf, "b", 2000).unwrap_err() else {
            panic!("it was told");
        };
        assert!(full.message.contains("memory_mib"), "{full:?}");
        put(&mut shelf, "a", 2100).unwrap();
        shelf.remove(&name(), "a");
        put(&mut shelf, "b", 2000).unwrap();
        assert!(shelf.get(&name(), "a").is_none());
    }

    #[test]
    fn what_is_put_and_removed_leaves_nothing() {
        let mut shelf = Shelf::new(1 << 20);
        shelf.open(&name(), true).unwrap();
        let empty = shelf.bytes;
        for round in 0..100 {
            put(&mut shelf, "a", round).unwrap();
            put(&mut shelf, "b", 100 - round).unwrap();
            shelf.remove(&name(), "a");
            shelf.remove(&name(), "b");
        }
        assert_eq!(shelf.bytes, empty);
        let keys = &shelf.buckets[&name()];
        assert!(keys.entries.is_empty() && keys.order.is_empty() && shelf.leaving.is_empty());
    }

    #[test]
    fn a_key_that_is_written_anew_keeps_its_place_in_a_listing() {
        let mut shelf = Shelf::new(1 << 30);
        shelf.open(&name(), true).unwrap();
        for at in 0..PAGE_KEYS_MAX + 1 {
            put(&mut shelf, &at.to_string(), 1).unwrap();
        }
        let first = shelf.page(&name(), None);
        assert_eq!(first.keys.len(), PAGE_KEYS_MAX);
        put(&mut shelf, "0", 2).unwrap();
        put(&mut shelf, &PAGE_KEYS_MAX.to_string(), 2).unwrap();
        let last = shelf.page(&name(), first.cursor);
        assert_eq!(last.keys, [PAGE_KEYS_MAX.to_string()]);
        assert_eq!(last.cursor, None);
    }
}
