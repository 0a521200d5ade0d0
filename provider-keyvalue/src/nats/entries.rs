//! One key of one bucket, read and written once, as the key-value convention of JetStream has it: a
//! key is a subject, its value the last message there, and a deletion is a message that says so.

use std::error::Error as _;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{DirectGetErrorKind, LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};
use bytes::Bytes;
use uuid::Uuid;

use super::attempt::Fault;
use crate::store::Error;

/// For how long a deletion leaves a trace: bounds what many short-lived keys cost, and is far longer
/// than anybody who watches the bucket is away.
const DELETION_KEPT: Duration = Duration::from_secs(60 * 60);
/// The header of the key-value convention that marks a deletion.
const OPERATION: &str = "KV-Operation";
/// The value of that header.
const DELETE: &str = "DEL";
/// Where ids are taken: no key is spelled so (see `key`).
const SETTLED: &str = "_kv.settled";
/// "Wrong last sequence" as a replicated stream says it, which the client library has no name for.
const WRONG_LAST_SEQUENCE_REPLICATED: ErrorCode = ErrorCode(10164);

/// The keys and values of one bucket.
#[derive(Debug)]
pub(super) struct Entries {
    jetstream: Context,
    stream: Stream,
    prefix: String,
}

/// What stands at a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The value; none when there is no such key.
    pub(super) value: Option<Bytes>,
    /// What a conditional write must name; 0 where nothing was ever written.
    pub(super) revision: u64,
}

/// A write that takes place only if nobody else wrote since `expected` was read.
#[derive(Debug, Clone)]
pub(super) struct Write {
    /// By this the server knows the write again (see [`Entries::settle`]).
    pub(super) id: Uuid,
    pub(super) expected: u64,
    pub(super) value: Bytes,
    /// For how long the value is kept; for good if none.
    pub(super) ttl: Option<Duration>,
}

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It took place, and this is the key's revision now.
    Revision(u64),
    /// Somebody else wrote first: it did not.
    Conflict,
}

impl Entries {
    pub(super) fn new(jetstream: Context, stream: Stream, name: &str) -> Self {
        Self {
            jetstream,
            stream,
            prefix: format!("$KV.{name}."),
        }
    }

    /// The bucket's stream.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The encoded key of a subject.
    pub(super) fn key<'s>(&self, subject: &'s str) -> Option<&'s str> {
        subject.strip_prefix(&self.prefix)
    }

    pub(super) async fn read(&self, key: &str) -> Result<Entry, Fault> {
        let subject = self.subject(key);
        let message = match self.stream.cached_info().config.allow_direct {
            true => self.read_direct(&subject).await?,
            false => self.read_leader(&subject).await?,
        };
        Ok(message.map_or_else(Entry::default, |message| Entry {
            revision: message.sequence,
            value: (!is_deletion(&message.headers)).then_some(message.payload),
        }))
    }

    async fn read_direct(&self, subject: &str) -> Result<Option<StreamMessage>, Fault> {
        match self.stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) => match error.kind() {
                DirectGetErrorKind::NotFound => Ok(None),
                // Nobody listens for reads of a stream that is gone.
                DirectGetErrorKind::ErrorResponse(..) => Err(Fault::absent(failed("read", &error))),
                _ => Err(Fault::silent(failed("read", &error))),
            },
        }
    }

    async fn read_leader(&self, subject: &str) -> Result<Option<StreamMessage>, Fault> {
        match self.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(_) => Err(Fault::absent(failed("read", &error))),
                _ => Err(Fault::silent(failed("read", &error))),
            },
        }
    }

    pub(super) async fn put(
        &self,
        key: &str,
        value: &Bytes,
        ttl: Option<Duration>,
    ) -> Result<(), Fault> {
        let message = self.message(value, ttl)?;
        self.publish(key, message).await.map(|_| ()).map_err(fault)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Fault> {
        self.publish(key, self.deletion())
            .await
            .map(|_| ())
            .map_err(fault)
    }

    pub(super) async fn write(&self, key: &str, write: &Write) -> Result<Written, Fault> {
        let message = self
            .message(&write.value, write.ttl)?
            .message_id(write.id.to_string())
            .expected_last_subject_sequence(write.expected);
        match self.publish(key, message).await {
            Ok(ack) => Ok(Written::Revision(ack.sequence)),
            Err(error) if is_conflict(&error) => Ok(Written::Conflict),
            Err(error) => Err(fault(error)),
        }
    }

    /// What became of a write that was sent more than once and met a conflict: with itself, or with
    /// somebody else's.
    ///
    /// The server compares revisions before it looks at ids, so the write can't be asked about by
    /// itself. Another message takes its id instead, at a key that nobody reads: if the write took
    /// place, the id is known; if not, it can't any more.
    pub(super) async fn settle(&self, write: &Write) -> Result<Written, Fault> {
        let key = format!("{SETTLED}.{}", write.id);
        let message = self.deletion().message_id(write.id.to_string());
        let ack = self.publish(&key, message).await.map_err(fault)?;
        if !ack.duplicate {
            return Ok(Written::Conflict);
        }
        // Settled before, and the answer was lost: then it is this key that has the id.
        let settled = self.read(&key).await?;
        Ok(match settled.revision == ack.sequence {
            true => Written::Conflict,
            false => Written::Revision(ack.sequence),
        })
    }

    fn message(&self, value: &Bytes, ttl: Option<Duration>) -> Result<PublishMessage, Fault> {
        let message = PublishMessage::build().payload(value.clone());
        match ttl {
            None => Ok(message),
            Some(ttl) if self.keeps_time() => Ok(message.ttl(ttl)),
            Some(_) => Err(Fault::Final(Error::denied(
                "the JetStream bucket was made without a time to live for messages: leave ttl_s \
                 out, or set allow_msg_ttl of its stream",
            ))),
        }
    }

    fn keeps_time(&self) -> bool {
        self.stream.cached_info().config.allow_message_ttl
    }

    fn deletion(&self) -> PublishMessage {
        let message = PublishMessage::build().header(OPERATION, DELETE);
        match self.keeps_time() {
            true => message.ttl(DELETION_KEPT),
            false => message,
        }
    }

    async fn publish(
        &self,
        key: &str,
        message: PublishMessage,
    ) -> Result<PublishAck, PublishError> {
        self.jetstream
            .send_publish(self.subject(key), message)
            .await?
            .await
    }

    fn subject(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

/// Whether a message says that its key is gone: by this convention, or by the server's own marker.
pub(super) fn is_deletion(headers: &HeaderMap) -> bool {
    headers
        .get(OPERATION)
        .is_some_and(|operation| operation.as_str() != "PUT")
        || headers.get(header::NATS_MARKER_REASON).is_some()
}

fn is_conflict(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::WrongLastSequence
        || refusal(error).is_some_and(|code| code == WRONG_LAST_SEQUENCE_REPLICATED)
}

/// What JetStream said, if it said anything: then nothing was stored.
fn refusal(error: &PublishError) -> Option<ErrorCode> {
    error
        .source()?
        .downcast_ref::<jetstream::Error>()
        .map(jetstream::Error::error_code)
}

fn fault(error: PublishError) -> Fault {
    let message = failed("write", &error);
    match error.kind() {
        PublishErrorKind::StreamNotFound => Fault::absent(message),
        PublishErrorKind::MaxAckPending => Fault::Final(Error::overloaded(message)),
        PublishErrorKind::MaxPayloadExceeded => Fault::Final(Error::refused(message)),
        _ if refusal(&error).is_some() => Fault::Final(Error::unavailable(message)),
        _ => Fault::silent(message),
    }
}

fn failed(what: &str, error: &dyn std::error::Error) -> String {
    format!("failed to {what} a key in JetStream: {error}")
}
