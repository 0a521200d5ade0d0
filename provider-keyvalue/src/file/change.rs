//! One write to the tables.

use bytes::Bytes;
use lattice_protocol::standard::keyvalue::Number;
use redb::{ReadableTable as _, Table, WriteTransaction};

use super::database::{BUCKETS, ENTRIES, Found, NUMBERS, ORDER, WRITES, found};
use crate::bucket::Bucket;
use crate::number::{self, Delta};
use crate::store::{ABSENT, Error};

/// What to do in a bucket.
#[derive(Debug)]
pub(super) enum Change {
    /// Makes the bucket.
    Open,
    /// Writes a value.
    Set { key: String, value: Bytes },
    /// Removes a key.
    Delete { key: String },
    /// Adds to a number.
    Increment { key: String, delta: Delta },
    /// Writes a value if the key has that version.
    Swap {
        key: String,
        version: u64,
        value: Bytes,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done.
    Done,
    /// It was added, and this is the sum.
    Sum(Number),
    /// It was not swapped: this stands there.
    Stands(Option<Found>),
}

impl Change {
    /// The key that it is about, if it is about one.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Open => None,
            Self::Set { key, .. }
            | Self::Delete { key }
            | Self::Increment { key, .. }
            | Self::Swap { key, .. } => Some(key),
        }
    }

    /// About how many bytes it writes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Set { key, value } | Self::Swap { key, value, .. } => key.len() + value.len(),
            Self::Open | Self::Delete { .. } | Self::Increment { .. } => 0,
        }
    }
}

/// The tables of one transaction.
pub(super) struct Tables<'t> {
    buckets: Table<'t, &'static str, ()>,
    entries: Table<'t, (&'static str, &'static str), (u64, u64, &'static [u8])>,
    order: Table<'t, (&'static str, u64), &'static str>,
    numbers: Table<'t, &'static str, u64>,
    writes: u64,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let numbers = transaction.open_table(NUMBERS)?;
        let writes = numbers.get(WRITES)?.map_or(ABSENT, |writes| writes.value());
        Ok(Self {
            buckets: transaction.open_table(BUCKETS)?,
            entries: transaction.open_table(ENTRIES)?,
            order: transaction.open_table(ORDER)?,
            numbers,
            writes,
        })
    }

    /// Notes how many writes there were.
    pub(super) fn finish(mut self) -> Result<(), redb::Error> {
        self.numbers.insert(WRITES, self.writes)?;
        Ok(())
    }

    /// Does one change. The outer error is the disk's and spoils the transaction; the inner one is
    /// the caller's own, and changes nothing.
    pub(super) fn apply(
        &mut self,
        bucket: &Bucket,
        change: &Change,
    ) -> Result<Result<Outcome, Error>, redb::Error> {
        let name = bucket.name.to_string();
        if self.buckets.get(&*name)?.is_none() {
            if !bucket.create {
                return Ok(Err(Error::no_such_store()));
            }
            self.buckets.insert(&*name, ())?;
        }
        match change {
            Change::Open => Ok(Ok(Outcome::Done)),
            Change::Set { key, value } => self.put(&name, key, value),
            Change::Delete { key } => self.delete(&name, key),
            Change::Increment { key, delta } => self.increment(&name, key, *delta),
            Change::Swap {
                key,
                version,
                value,
            } => {
                let stands = found(&self.entries, &name, key)?;
                match stands.as_ref().map_or(ABSENT, |found| found.version) == *version {
                    true => self.put(&name, key, value),
                    false => Ok(Ok(Outcome::Stands(stands))),
                }
            }
        }
    }

    fn put(
        &mut self,
        bucket: &str,
        key: &str,
        value: &[u8],
    ) -> Result<Result<Outcome, Error>, redb::Error> {
        let place = self
            .entries
            .get((bucket, key))?
            .map(|entry| entry.value().0);
        self.writes += 1;
        if place.is_none() {
            self.order.insert((bucket, self.writes), key)?;
        }
        let place = place.unwrap_or(self.writes);
        self.entries
            .insert((bucket, key), (place, self.writes, value))?;
        Ok(Ok(Outcome::Done))
    }

    fn delete(&mut self, bucket: &str, key: &str) -> Result<Result<Outcome, Error>, redb::Error> {
        let place = self
            .entries
            .remove((bucket, key))?
            .map(|entry| entry.value().0);
        if let Some(place) = place {
            self.order.remove((bucket, place))?;
        }
        Ok(Ok(Outcome::Done))
    }

    fn increment(
        &mut self,
        bucket: &str,
        key: &str,
        delta: Delta,
    ) -> Result<Result<Outcome, Error>, redb::Error> {
        let stands = found(&self.entries, bucket, key)?;
        let stored = stands.as_ref().map(|found| &*found.value);
        match number::increment(key, stored, delta) {
            Ok(sum) => {
                let put = self.put(bucket, key, &number::write(sum))?;
                Ok(put.map(|_| Outcome::Sum(sum)))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}
