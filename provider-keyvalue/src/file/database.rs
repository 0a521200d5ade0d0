//! The file: opened, locked, read.
//!
//! Four tables: which buckets there are; the entries by bucket and key; the keys by bucket and the
//! number of the write that made them, which is what a cursor counts; and a few numbers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lattice_protocol::standard::keyvalue::KeyResponse;
use redb::{ReadableDatabase as _, ReadableTable, TableDefinition};

use crate::bucket::{Bucket, BucketName};
use crate::store::{Error, PAGE_BYTES_MAX, PAGE_KEYS_MAX};

/// The buckets by name.
pub(super) const BUCKETS: TableDefinition<'_, &str, ()> = TableDefinition::new("buckets");
/// Of each bucket and key: the number of its first write, of its last, and the value.
pub(super) const ENTRIES: TableDefinition<'_, (&str, &str), (u64, u64, &[u8])> =
    TableDefinition::new("entries");
/// The key by bucket and the number of its first write.
pub(super) const ORDER: TableDefinition<'_, (&str, u64), &str> = TableDefinition::new("order");
/// Numbers by name.
pub(super) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// The number of the last write.
pub(super) const WRITES: &str = "writes";
/// Which layout of tables the file has.
const LAYOUT: &str = "layout";
const LAYOUT_NOW: u64 = 1;
/// How much of the file is kept in memory: enough for the upper pages of a tree of many gigabytes,
/// and little beside a host.
const CACHE_BYTES: usize = 64 << 20;

/// A file that is opened anew after an error of the disk.
pub(super) struct Database {
    path: PathBuf,
    open: Mutex<Option<Arc<redb::Database>>>,
}

/// What stands at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The number of its first write.
    pub(super) place: u64,
    /// The number of its last.
    pub(super) version: u64,
    pub(super) value: Bytes,
}

impl Database {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: Mutex::new(None),
        }
    }

    /// The open file; opens it if it is not.
    pub(super) fn open(&self) -> Result<Arc<redb::Database>, String> {
        let mut open = self.lock();
        if let Some(database) = &*open {
            return Ok(database.clone());
        }
        let database = Arc::new(open_file(&self.path)?);
        *open = Some(database.clone());
        Ok(database)
    }

    /// Lets go of the file: once nobody reads it any more, its lock is free.
    pub(super) fn close(&self) {
        self.lock().take();
    }

    /// Whether there is such a bucket.
    pub(super) fn has(&self, bucket: &BucketName) -> Result<bool, Error> {
        let name = bucket.to_string();
        self.read(|transaction| Ok(transaction.open_table(BUCKETS)?.get(&*name)?.is_some()))
    }

    /// What stands at a key.
    pub(super) fn find(&self, bucket: &Bucket, key: &str) -> Result<Option<Found>, Error> {
        self.check(bucket)?;
        let name = bucket.name.to_string();
        self.read(|transaction| found(&transaction.open_table(ENTRIES)?, &name, key))
    }

    /// The keys that were made after the one that `cursor` counts.
    pub(super) fn page(&self, bucket: &Bucket, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        self.check(bucket)?;
        let name = bucket.name.to_string();
        let after = cursor.map_or(0, |last| last.saturating_add(1));
        self.read(|transaction| {
            let order = transaction.open_table(ORDER)?;
            let mut page = KeyResponse {
                keys: Vec::new(),
                cursor: None,
            };
            let (mut bytes, mut last) = (0, None);
            for entry in order.range((&*name, after)..=(&*name, u64::MAX))? {
                if page.keys.len() >= PAGE_KEYS_MAX || bytes >= PAGE_BYTES_MAX {
                    page.cursor = last;
                    break;
                }
                let (place, key) = entry?;
                last = Some(place.value().1);
                bytes += key.value().len();
                page.keys.push(key.value().to_owned());
            }
            Ok(page)
        })
    }

    /// A bucket that may not be made must be there; one that may is there once it is written to.
    fn check(&self, bucket: &Bucket) -> Result<(), Error> {
        match bucket.create || self.has(&bucket.name)? {
            true => Ok(()),
            false => Err(Error::no_such_store()),
        }
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let database = self.open().map_err(Error::unavailable)?;
        let transaction = database.begin_read().map_err(redb::Error::from);
        transaction
            .and_then(|transaction| work(&transaction))
            .map_err(|error| Error::unavailable(self.failed("read", &error)))
    }

    /// What went wrong with the file, for whoever hears of it.
    pub(super) fn failed(&self, what: &str, error: &dyn std::fmt::Display) -> String {
        format!("failed to {what} {}: {error}", self.path.display())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<redb::Database>>> {
        // What it guards is whole at every moment.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands at a key of the table.
pub(super) fn found(
    entries: &impl ReadableTable<(&'static str, &'static str), (u64, u64, &'static [u8])>,
    bucket: &str,
    key: &str,
) -> Result<Option<Found>, redb::Error> {
    Ok(entries.get((bucket, key))?.map(|entry| {
        let (place, version, value) = entry.value();
        Found {
            place,
            version,
            value: Bytes::copy_from_slice(value),
        }
    }))
}

fn open_file(path: &Path) -> Result<redb::Database, String> {
    let shown = path.display();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("failed to make the folder of {shown}: {error}"))?;
    }
    let database = redb::Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path);
    let database = database.map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => format!(
            "{shown} is in use by another process: one at a time can have it open, so stop the \
             other, let copies be 1, or name another path"
        ),
        error => format!("failed to open {shown}: {error}"),
    })?;
    lay_out(&database).map_err(|error| format!("failed to open {shown}: {error}"))?;
    // A new file is there after a power cut only if its folder says so.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| format!("failed to write the folder of {shown}: {error}"))?;
    Ok(database)
}

/// Makes the tables if they are missing; refuses a layout that is not this one.
fn lay_out(database: &redb::Database) -> Result<(), String> {
    let laid = || -> Result<u64, redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(BUCKETS)?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(ORDER)?;
        let layout = {
            let mut numbers = transaction.open_table(NUMBERS)?;
            let found = numbers.get(LAYOUT)?.map(|layout| layout.value());
            match found {
                Some(layout) => layout,
                None => {
                    numbers.insert(LAYOUT, LAYOUT_NOW)?;
                    LAYOUT_NOW
                }
            }
        };
        transaction.commit()?;
        Ok(layout)
    };
    match laid().map_err(|error| error.to_string())? {
        LAYOUT_NOW => Ok(()),
        other => Err(format!(
            "it has layout {other}, this version reads {LAYOUT_NOW}: use the version that made it"
        )),
    }
}
