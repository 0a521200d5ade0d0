//! The desired state: a JetStream KV bucket, written only by compare-and-swap.

mod declared;
mod histories;

use async_nats::HeaderMap;
use async_nats::header::NATS_ROLLUP;
use async_nats::jetstream::context::{
    AccountError, AccountErrorKind, PublishError, PublishErrorKind,
};
use async_nats::jetstream::kv::{self, Operation, Store};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use bytes::Bytes;
use futures_util::stream::{StreamExt as _, iter};
use lattice_config::{Declared, state};
use lattice_protocol::subject;

use crate::connect::Client;
use crate::expected;
use crate::replicas::chain;

pub use declared::DeclaredWatch;

/// How many revisions of each key are kept: what a rollback can go back to, and JetStream's most.
const HISTORY: i64 = 64;
/// How many keys are read at once: enough to hide the way to the server, few enough to bother nobody.
const READS_AT_ONCE: usize = 16;
/// What a key-value bucket writes on the message that removes a key, as every client of NATS does it.
const OPERATION: &str = "KV-Operation";
const DELETED: &str = "DEL";
const PURGED: &str = "PURGE";
/// A mark that replaces all before it.
const ROLLUP_SUBJECT: &str = "sub";

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The server has no JetStream.
    #[error(
        "the NATS server has no JetStream, where a lattice keeps its state: start it with -js, or \
         let `lattice up` start one"
    )]
    NoJetStream,
    /// Somebody else changed the key first: nothing was written.
    #[error("{key} was changed by somebody else")]
    Conflict {
        /// The key.
        key: String,
    },
    /// The state can't be reached, or what was done is not known.
    #[error("failed to {what}: {reason}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// What is stored can't be read.
    #[error("{key} can't be read: {reason}")]
    Corrupt {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StateError {
    fn unavailable(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Unavailable {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

/// A key as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The key.
    pub key: String,
    /// What the next write must name.
    pub revision: u64,
    /// The value; none when the key was deleted.
    pub value: Option<Bytes>,
}

/// One kept revision of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRevision {
    /// Its number.
    pub revision: u64,
    /// When it was written, by the server's clock (RFC 3339): for people only.
    pub written: String,
    /// The value; none where the key was deleted.
    pub value: Option<Bytes>,
}

/// The bucket of a lattice.
#[derive(Clone)]
pub struct State {
    jetstream: Context,
    kv: Store,
}

impl Client {
    /// Opens the lattice's state, and makes it if there is none yet.
    pub async fn state(&self) -> Result<State, StateError> {
        let bucket = subject::state_bucket(&self.lattice);
        let jetstream = self.jetstream();
        jetstream
            .query_account()
            .await
            .map_err(|error| no_jetstream(&error))?;
        if let Ok(kv) = jetstream.get_key_value(&bucket).await {
            self.raise_replicas(&kv.stream).await;
            return Ok(State { jetstream, kv });
        }
        let made = self
            .replicated(&format!("KV_{bucket}"), |copies| {
                jetstream.create_key_value(bucket_config(&bucket, copies.number))
            })
            .await;
        let kv = match made {
            Ok(kv) => kv,
            // Two hosts may get here at once, and the other one's is as good.
            Err(error) => jetstream.get_key_value(&bucket).await.map_err(|_| {
                StateError::unavailable("create the lattice's state", chain(&error))
            })?,
        };
        Ok(State { jetstream, kv })
    }
}

fn bucket_config(bucket: &str, num_replicas: usize) -> kv::Config {
    kv::Config {
        bucket: bucket.to_owned(),
        description: "the desired state of a lattice".into(),
        history: HISTORY,
        storage: StorageType::File,
        num_replicas,
        ..kv::Config::default()
    }
}

/// An account without JetStream answers so; a server without it has nobody who answers.
fn no_jetstream(error: &AccountError) -> StateError {
    let not_enabled = [
        ErrorCode::JETSTREAM_NOT_ENABLED,
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
    ];
    match error.kind() {
        AccountErrorKind::JetStreamUnavailable => StateError::NoJetStream,
        AccountErrorKind::JetStream(answer) if not_enabled.contains(&answer.error_code()) => {
            StateError::NoJetStream
        }
        _ => StateError::unavailable("ask for JetStream", error),
    }
}

impl State {
    /// A key as it stands; `None` when it was never written. The stream's leader is asked, not any server
    /// that has a copy: one that is behind would not know what was just declared.
    pub async fn get(&self, key: &str) -> Result<Option<StateEntry>, StateError> {
        let subject = format!("{}{key}", self.kv.prefix);
        match self
            .kv
            .stream
            .get_last_raw_message_by_subject(&subject)
            .await
        {
            Ok(message) => Ok(Some(StateEntry {
                key: key.to_owned(),
                revision: message.sequence,
                value: is_there(&message.headers).then_some(message.payload),
            })),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(StateError::unavailable(format!("read {key}"), error)),
        }
    }

    /// Writes a key that is still at `expected` (0: not there, or deleted); answers its new revision.
    pub async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, StateError> {
        let message = || PublishMessage::build().payload(value.clone());
        let written = self.write(key, "write", message(), expected).await;
        if expected != 0 || !matches!(written, Err(StateError::Conflict { .. })) {
            return written;
        }
        // What was deleted is not there either, and its mark is what is to be written over.
        match self.get(key).await? {
            Some(StateEntry {
                revision,
                value: None,
                ..
            }) => self.write(key, "write", message(), revision).await,
            _ => written,
        }
    }

    /// Deletes a key that is still at `expected`.
    pub async fn delete(&self, key: &str, expected: u64) -> Result<(), StateError> {
        let mark = PublishMessage::build().header(OPERATION, DELETED);
        self.write(key, "delete", mark, expected).await.map(drop)
    }

    /// Deletes a key that is still at `expected`, with its history: only the mark of it stays.
    pub async fn purge(&self, key: &str, expected: u64) -> Result<(), StateError> {
        let mark = PublishMessage::build()
            .header(OPERATION, PURGED)
            .header(NATS_ROLLUP, ROLLUP_SUBJECT);
        self.write(key, "purge", mark, expected).await.map(drop)
    }

    /// Writes what comes after the revision `expected` of a key; answers its own.
    async fn write(
        &self,
        key: &str,
        what: &str,
        message: PublishMessage,
        expected: u64,
    ) -> Result<u64, StateError> {
        let subject = format!("{}{key}", self.kv.prefix);
        let message = message.expected_last_subject_sequence(expected);
        match expected::publish(&self.jetstream, subject, message).await {
            Ok(Some(revision)) => Ok(revision),
            Ok(None) => Err(StateError::Conflict {
                key: key.to_owned(),
            }),
            Err(error) => Err(unwritten(format!("{what} {key}"), &error)),
        }
    }

    /// Removes a key without a trace, whatever it holds. Watchers don't hear of it.
    pub async fn erase(&self, key: &str) -> Result<(), StateError> {
        let subject = format!("{}{key}", self.kv.prefix);
        let erased = self.kv.stream.purge().filter(subject).await;
        erased
            .map(|_| ())
            .map_err(|error| StateError::unavailable(format!("erase {key}"), error))
    }

    /// Everything declared. It leaves nothing on the server: a watch would be a consumer there for
    /// half a minute, and whoever lists often enough would use up what the server allows.
    pub async fn declared(&self) -> Result<Declared, StateError> {
        let keys = self.keys(state::key::APPS).await?;
        let mut entries = iter(keys)
            .map(async |key| self.get(&key).await)
            .buffer_unordered(READS_AT_ONCE);
        let mut declared = Declared::default();
        while let Some(entry) = entries.next().await {
            if let Some(entry) = entry? {
                declared::apply(&mut declared, entry);
            }
        }
        Ok(declared)
    }

    /// The keys that match a pattern, deleted ones included.
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>, StateError> {
        let failed =
            |e: &dyn std::fmt::Display| StateError::unavailable(format!("list {pattern}"), e);
        // The client library's `status` answers from when the bucket was opened, so the stream is asked.
        let subjects = format!("{}{pattern}", self.kv.prefix);
        let found = self.kv.stream.info_with_subjects(subjects).await;
        let mut found = found.map_err(|e| failed(&e))?;
        let mut keys = Vec::new();
        while let Some(subject) = found.next().await {
            let (subject, _) = subject.map_err(|e| failed(&e))?;
            keys.extend(subject.strip_prefix(&self.kv.prefix).map(str::to_owned));
        }
        Ok(keys)
    }

    /// Follows the keys that match a pattern: first as they stand, then each change.
    pub async fn watch(&self, pattern: &str) -> Result<StateWatch, StateError> {
        let failed =
            |e: &dyn std::fmt::Display| StateError::unavailable(format!("watch {pattern}"), e);
        // Asked before the watch begins, so what is written in between only comes as a change.
        let nothing_there = self.keys(pattern).await?.is_empty();
        let watch = self
            .kv
            .watch_with_history(pattern)
            .await
            .map_err(|e| failed(&e))?;
        Ok(StateWatch {
            watch: Box::pin(watch),
            caught_up: nothing_there,
        })
    }

    /// Follows what is declared.
    pub async fn watch_declared(&self) -> Result<DeclaredWatch, StateError> {
        let watch = self.watch(state::key::APPS).await?;
        Ok(DeclaredWatch::new(self.clone(), watch))
    }
}

/// What was sent and not acknowledged may have been stored.
fn unwritten(what: String, error: &PublishError) -> StateError {
    let reason = match error.kind() {
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
            format!("{error}: whether it was done is not known, look before you repeat it")
        }
        _ => error.to_string(),
    };
    StateError::unavailable(what, reason)
}

/// Whether a message of the bucket is a value, not the mark of one that was removed.
fn is_there(headers: &HeaderMap) -> bool {
    headers.get(OPERATION).is_none()
}

fn read(entry: kv::Entry) -> StateEntry {
    let value = (entry.operation == Operation::Put).then_some(entry.value);
    StateEntry {
        key: entry.key,
        revision: entry.revision,
        value,
    }
}

/// Changes of keys, one by one.
pub struct StateWatch {
    watch: std::pin::Pin<Box<kv::Watch>>,
    caught_up: bool,
}

impl StateWatch {
    /// The next change; `None` when the watch has ended and must be begun anew.
    pub async fn next(&mut self) -> Option<StateEntry> {
        match self.watch.next().await? {
            Ok(entry) => {
                self.caught_up |= entry.delta == 0;
                Some(read(entry))
            }
            Err(error) => {
                tracing::warn!(%error, "the watch on the lattice's state ended");
                None
            }
        }
    }

    /// Whether all that stood when the watch began has been seen.
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }
}
