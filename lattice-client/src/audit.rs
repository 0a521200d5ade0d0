//! The audit trail: events that a JetStream stream keeps.

use std::sync::atomic::Ordering;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::stream::{self, DiscardPolicy, StorageType, Stream};
use futures_util::stream::{StreamExt as _, iter};
use lattice_protocol::control::{AUDIT_LIMIT_MAX, AuditEntry, AuditList, AuditRecord};
use lattice_protocol::event::{Event, Kind};
use lattice_protocol::subject;
use time::format_description::well_known::Rfc3339;

use crate::connect::Client;
use crate::replicas::{Copies, chain};

/// How many records of each kind are kept: those that were refused, which anybody can make many of,
/// never push out those that changed something.
const RECORDS_MAX: i64 = 5_000;
/// How many records are read at once, newest first.
const READS_AT_ONCE: usize = 16;
/// How many numbers are looked at for one answer: between those of one kind may be many gaps, where
/// the other kind was pushed out.
const LOOKS_MAX: u64 = 2_000;

/// The trail can't be reached.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} the audit trail: {reason}")]
pub struct AuditError {
    what: &'static str,
    reason: String,
}

impl AuditError {
    fn new(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let reason = chain(error);
        Self { what, reason }
    }
}

impl Client {
    /// Publishes a record as an event, and keeps it. The stream is made before the first one: where it is
    /// missing, and somebody listens to events, nobody says that the record was not kept.
    pub async fn audit(&self, kind: Kind, event: &Event<AuditRecord>) -> Result<(), AuditError> {
        let payload = serde_json::to_vec(event).map_err(|e| AuditError::new("write", &e))?;
        if !self.has_audit.swap(false, Ordering::AcqRel) {
            self.make_audit().await?;
        }
        let kept = self.keep(kind, payload).await;
        kept.map_err(|error| AuditError::new("write", &error))?;
        // Until something fails.
        self.has_audit.store(true, Ordering::Release);
        Ok(())
    }

    async fn keep(&self, kind: Kind, payload: Vec<u8>) -> Result<(), PublishError> {
        let subject = subject::event(&self.lattice, kind).into_string();
        let sent = self.jetstream().publish(subject, payload.into()).await?;
        sent.await.map(drop)
    }

    async fn make_audit(&self) -> Result<(), AuditError> {
        let kinds = [Kind::AuditChanged, Kind::AuditRefused];
        let subjects = kinds.map(|kind| subject::event(&self.lattice, kind).into_string());
        let name = subject::audit_stream(&self.lattice);
        let config = |num_replicas| stream::Config {
            name: name.clone(),
            description: Some("who changed what in a lattice".into()),
            subjects: subjects.to_vec(),
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_messages_per_subject: RECORDS_MAX,
            allow_direct: true,
            num_replicas,
            ..stream::Config::default()
        };
        let jetstream = self.jetstream();
        if let Ok(stream) = jetstream.get_stream(&name).await {
            self.raise_later(&stream);
            return Ok(());
        }
        let make = |copies: Copies| jetstream.get_or_create_stream(config(copies.number));
        let made = self.replicated(&name, make).await;
        made.map(drop)
            .map_err(|error| AuditError::new("make", &error))
    }

    /// What was kept, newest first; nothing before the first record.
    pub async fn audit_list(&self, wanted: &AuditList) -> Result<Vec<AuditEntry>, AuditError> {
        let jetstream = self.jetstream();
        let stream = match jetstream
            .get_stream(subject::audit_stream(&self.lattice))
            .await
        {
            Ok(stream) => stream,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(AuditError::new("open", &error)),
        };
        let state = &stream.cached_info().state;
        let last = match wanted.before {
            Some(before) => before.saturating_sub(1).min(state.last_sequence),
            None => state.last_sequence,
        };
        let first = state
            .first_sequence
            .max(last.saturating_sub(LOOKS_MAX))
            .max(1);
        let limit = wanted.limit.unwrap_or(AUDIT_LIMIT_MAX).min(AUDIT_LIMIT_MAX);
        let found = iter((first..=last).rev())
            .map(|number| entry(&stream, number))
            .buffered(READS_AT_ONCE)
            .filter_map(std::future::ready)
            .take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found.collect().await)
    }
}

fn is_absent(error: &async_nats::jetstream::context::GetStreamError) -> bool {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::context::GetStreamErrorKind;
    match error.kind() {
        GetStreamErrorKind::JetStream(answer) => answer.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

/// One record; none where it is gone, or can't be read.
async fn entry(stream: &Stream, number: u64) -> Option<AuditEntry> {
    let message = stream.direct_get(number).await.ok()?;
    let event: Event<AuditRecord> = serde_json::from_slice(&message.payload).ok()?;
    Some(AuditEntry {
        number,
        at: message.time.format(&Rfc3339).unwrap_or_default(),
        record: event.data,
    })
}
