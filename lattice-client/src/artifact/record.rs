//! The record of a component: what NATS calls an object's metadata. Read, and changed only where it still
//! stands as it was read.
//!
//! Whatever is listed can be read whole, whoever pushes and removes at the same time, and in whatever
//! order their steps fall:
//! 1. bytes lie under an id that one push made up, and a record names them only once all are stored;
//! 2. a record is written with the sequence of the one before it, and the server takes it only if that is
//!    still the last: the records of a component are one chain, in which none is passed over;
//! 3. so a record names what the one before it named, or bytes of its own, or none;
//! 4. bytes are removed only by who wrote a record after which, by 3, none names them, and after it was taken.
//!
//! A process that dies in between leaves bytes that no record names: they mislead nobody, and are swept
//! later ([`orphan`]). Other clients of NATS write records without a sequence; those store
//! (`nats object put`) and remove whole objects, which keeps 1, 3 and 4.

mod orphan;

use std::time::Duration;

use async_nats::header::NATS_ROLLUP;
use async_nats::jetstream;
use async_nats::jetstream::consumer::push;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::object_store::{ObjectInfo, ObjectOptions};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lattice_protocol::digest::{COMPONENT_HEADER, Digest};
use lattice_protocol::id::{BytesId, LatticeId};
use lattice_protocol::subject;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ArtifactError, PUSHED_AGAIN, StoredArtifact};
use crate::connect::Client;
use crate::expected;

/// How much of a component travels in a message, as every client of NATS does it: far below the smallest
/// `max_payload` that anybody sets.
const CHUNK_BYTES: usize = 128 * 1024;
/// How long a reader waits for the next of them: what was purged since the record was read never comes.
const CHUNK_PATIENCE: Duration = Duration::from_secs(10);
/// What fails, when one of a push's steps does.
const STORE: &str = "store the component";
/// A record replaces the one before it.
const ROLLUP_SUBJECT: &str = "sub";

/// How many records are read at once, where all are: enough to hide the way to the server.
const READS_AT_ONCE: usize = 16;

/// Bytes that were stored, and that no record names yet.
#[derive(Debug)]
pub struct Stored {
    id: BytesId,
    size: usize,
    chunks: usize,
}

/// What the store said of a component at one moment.
#[derive(Debug, Clone)]
pub struct Record {
    digest: Digest,
    /// Which message it is; 0 if there was none.
    sequence: u64,
    info: Option<ObjectInfo>,
}

impl Record {
    /// Whether it was there, and not removed.
    pub fn is_stored(&self) -> bool {
        self.stored().is_some()
    }

    /// How long ago it was stored or pushed again; none if it is not there, or that is not known.
    pub fn age(&self) -> Option<Duration> {
        StoredArtifact::of(self.stored()?)?.age
    }

    pub(super) fn stored(&self) -> Option<&ObjectInfo> {
        self.info.as_ref().filter(|info| !info.deleted)
    }

    /// The bytes that it names, or that the removed one named.
    fn bytes(&self) -> Option<BytesId> {
        self.info.as_ref()?.nuid.parse().ok()
    }
}

/// The records of a lattice's components. Each method is one step of a change: what may come between two of
/// them is what the order of the steps must stand.
#[derive(Clone)]
pub struct Records {
    lattice: LatticeId,
    jetstream: jetstream::Context,
    stream: Stream<()>,
}

impl Records {
    pub(super) async fn open(client: &Client) -> Result<Self, ArtifactError> {
        let jetstream = client.jetstream();
        let name = subject::artifact_stream(&client.lattice);
        let stream = jetstream.get_stream_no_info(name).await;
        let stream =
            stream.map_err(|e| ArtifactError::unavailable("open the store of components", e))?;
        Ok(Self {
            lattice: client.lattice.clone(),
            jetstream,
            stream,
        })
    }

    /// All of them, those of removed components too. It leaves nothing on the server: what the client
    /// library lists by is a consumer there for minutes, and whoever lists often would use up what the
    /// server allows.
    pub(super) async fn all(&self) -> Result<Vec<Record>, ArtifactError> {
        let failed = |error| ArtifactError::unavailable("list the components", error);
        let subjects = subject::artifact_records(&self.lattice);
        let subjects = self.stream.info_with_subjects(subjects).await;
        let digests = subjects.map_err(failed)?.map(|found| {
            let (subject, _) = found.map_err(failed)?;
            Ok(subject::artifact_of_record(&self.lattice, &subject))
        });
        // What others put there under other names is none of the lattice's.
        let digests = digests.try_filter_map(async |digest| Ok(digest));
        let records = digests.map_ok(async |digest| self.find(&digest).await);
        records
            .try_buffer_unordered(READS_AT_ONCE)
            .try_collect()
            .await
    }

    /// The record as it stands.
    pub async fn find(&self, digest: &Digest) -> Result<Record, ArtifactError> {
        let failed = |reason: String| ArtifactError::unavailable("look for the component", reason);
        let digest = digest.clone();
        let subject = subject::artifact_record(&self.lattice, &digest);
        // The stream's leader is asked, not any server that has a copy: one that is behind would be
        // forestalled each time.
        match self.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Record {
                digest,
                sequence: message.sequence,
                info: serde_json::from_slice(&message.payload)
                    .map_err(|e| failed(e.to_string()))?,
            }),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(Record {
                digest,
                sequence: 0,
                info: None,
            }),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// The bytes that a record names, up to `max`. They come from any server of a cluster: from one that is
    /// behind, as it gets them.
    pub(super) async fn read(&self, record: &Record, max: u64) -> Result<Vec<u8>, ArtifactError> {
        let (Some(info), Some(id)) = (record.stored(), record.bytes()) else {
            return Err(ArtifactError::NotFound(record.digest.clone()));
        };
        let mut bytes = Vec::new();
        if info.chunks == 0 {
            return Ok(bytes);
        }
        let config = push::OrderedConfig {
            deliver_subject: self.jetstream.client().new_inbox(),
            filter_subject: subject::artifact_bytes(&self.lattice, &id),
            ..push::OrderedConfig::default()
        };
        let consumer = self.stream.create_consumer(config).await;
        let mut messages = consumer.map_err(unread)?.messages().await.map_err(unread)?;
        for _ in 0..info.chunks {
            let next = tokio::time::timeout(CHUNK_PATIENCE, messages.next()).await;
            let next = next.map_err(|_| unread(format!("nothing came for {CHUNK_PATIENCE:?}")))?;
            let chunk = next.ok_or_else(|| unread("the store sends no more"))?;
            bytes.extend_from_slice(&chunk.map_err(unread)?.payload);
            // The size is the store's word: the limit holds for what really comes.
            if bytes.len() as u64 > max {
                return Err(ArtifactError::TooLarge(bytes.len() as u64));
            }
        }
        Ok(bytes)
    }

    /// Whether a record names the component, and all of its bytes were there: what was stored in part, or
    /// by somebody else under this name, is pushed again.
    pub async fn is_whole(&self, record: &Record, size: u64) -> Result<bool, ArtifactError> {
        let (Some(info), Some(bytes)) = (record.stored(), record.bytes()) else {
            return Ok(false);
        };
        let is_same = info.size as u64 == size
            && info.digest.as_ref() == Some(&record.digest.in_object_store());
        Ok(is_same && self.chunks(&bytes).await? == info.chunks)
    }

    /// How many messages of these bytes there are.
    async fn chunks(&self, bytes: &BytesId) -> Result<usize, ArtifactError> {
        let failed = |error| ArtifactError::unavailable("look for the component", error);
        let subject = subject::artifact_bytes(&self.lattice, bytes);
        let counts = self.stream.info_with_subjects(subject).await;
        let mut counts = counts.map_err(failed)?;
        match counts.next().await {
            Some(count) => count.map(|(_, count)| count).map_err(failed),
            None => Ok(0),
        }
    }

    /// Says that the component was pushed again; whether the record stood as it was read.
    pub async fn renew(&self, record: &Record) -> Result<bool, ArtifactError> {
        let Some(info) = record.stored() else {
            return Ok(false);
        };
        let now = OffsetDateTime::now_utc().format(&Rfc3339);
        let said = ObjectInfo {
            description: now.ok().map(|now| format!("{PUSHED_AGAIN}{now}")),
            ..info.clone()
        };
        self.write(record, &said, STORE).await
    }

    /// Stores the bytes, and then a record that names them; whether the one before stood as it was read. Else
    /// nothing stays.
    pub async fn put(&self, record: &Record, bytes: &[u8]) -> Result<bool, ArtifactError> {
        let stored = self.store(record, bytes).await?;
        self.name(record, &stored).await
    }

    /// Stores the bytes, which no record names yet.
    pub async fn store(&self, record: &Record, bytes: &[u8]) -> Result<Stored, ArtifactError> {
        let id = BytesId::random();
        let subject = subject::artifact_bytes(&self.lattice, &id);
        let mut chunks = 0;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let chunk = PublishMessage::build()
                .payload(Bytes::copy_from_slice(chunk))
                .header(COMPONENT_HEADER, record.digest.to_string());
            self.publish(subject.clone(), chunk, STORE).await?;
            chunks += 1;
        }
        let size = bytes.len();
        Ok(Stored { id, size, chunks })
    }

    /// Writes a record that names these bytes; whether the one before stood as it was read. Else they are
    /// removed.
    pub async fn name(&self, record: &Record, stored: &Stored) -> Result<bool, ArtifactError> {
        let info = ObjectInfo {
            size: stored.size,
            chunks: stored.chunks,
            ..self.info_of(&record.digest, &stored.id)
        };
        let is_taken = self.write(record, &info, STORE).await?;
        // Who gets no answer does not know whether its bytes are named: then they stay.
        if is_taken {
            self.purge(record).await?;
        } else {
            self.purge_bytes(&stored.id).await?;
        }
        Ok(is_taken)
    }

    /// What a record says of a component that was stored now.
    fn info_of(&self, digest: &Digest, id: &BytesId) -> ObjectInfo {
        ObjectInfo {
            name: digest.hex().to_owned(),
            description: None,
            metadata: Default::default(),
            headers: None,
            options: Some(ObjectOptions {
                link: None,
                max_chunk_size: Some(CHUNK_BYTES),
            }),
            bucket: subject::artifact_bucket(&self.lattice),
            nuid: id.to_string(),
            size: 0,
            chunks: 0,
            modified: Some(OffsetDateTime::now_utc()),
            digest: Some(digest.in_object_store()),
            deleted: false,
        }
    }

    /// Says that the component was removed; whether the record stood as it was read. What it named is then
    /// to be [purged](Self::purge).
    pub async fn bury(&self, record: &Record) -> Result<bool, ArtifactError> {
        let Some(info) = record.stored() else {
            return Ok(false);
        };
        let said = ObjectInfo {
            size: 0,
            chunks: 0,
            deleted: true,
            ..info.clone()
        };
        self.write(record, &said, "remove the component").await
    }

    /// Removes the bytes that a record named, once another one is taken that does not.
    pub async fn purge(&self, record: &Record) -> Result<(), ArtifactError> {
        match record.bytes() {
            Some(bytes) => self.purge_bytes(&bytes).await,
            None => Ok(()),
        }
    }

    /// Removes bytes that no record names, or will.
    pub async fn purge_bytes(&self, bytes: &BytesId) -> Result<(), ArtifactError> {
        let subject = subject::artifact_bytes(&self.lattice, bytes);
        let purged = self.stream.purge().filter(subject).await;
        purged.map_err(|e| ArtifactError::unavailable("remove the component's bytes", e))?;
        Ok(())
    }

    /// Writes what comes after `record`; whether that was still the last.
    async fn write(
        &self,
        record: &Record,
        info: &ObjectInfo,
        what: &'static str,
    ) -> Result<bool, ArtifactError> {
        let said = serde_json::to_vec(info).map_err(|e| ArtifactError::unavailable(what, e))?;
        let message = PublishMessage::build()
            .payload(said.into())
            .header(NATS_ROLLUP, ROLLUP_SUBJECT)
            .expected_last_subject_sequence(record.sequence);
        let subject = subject::artifact_record(&self.lattice, &record.digest);
        self.publish(subject, message, what).await
    }

    /// Whether the server took it: false if it stood on something that was not the last any more.
    async fn publish(
        &self,
        subject: String,
        message: PublishMessage,
        what: &'static str,
    ) -> Result<bool, ArtifactError> {
        let taken = expected::publish(&self.jetstream, subject, message).await;
        let taken = taken.map_err(|e| ArtifactError::unavailable(what, e))?;
        Ok(taken.is_some())
    }
}

fn unread(reason: impl ToString) -> ArtifactError {
    ArtifactError::unavailable("read the component", reason)
}
