//! Bytes that no record names: what a push left that died before its record was written, or a removal that
//! died after.
//!
//! They may be those of a push that is on its way. So whoever removes them first writes the record of their
//! component anew, as it stands: a push that read it before is forestalled then, and begins again with bytes
//! of its own; one that reads it later has other bytes from the start.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::object_store::ObjectInfo;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::StreamExt as _;
use lattice_protocol::digest::{COMPONENT_HEADER, Digest};
use lattice_protocol::id::BytesId;
use lattice_protocol::subject;

use super::{Record, Records};
use crate::artifact::ArtifactError;

const WHAT: &str = "look for bytes that no component has";

impl Records {
    /// All bytes that no record names, each with how many messages there are of it.
    pub async fn unnamed(&self) -> Result<BTreeMap<BytesId, usize>, ArtifactError> {
        // The bytes first: those that a record names meanwhile then count as named.
        let mut unnamed = self.all_bytes().await?;
        let records = self.all().await?;
        let named: BTreeSet<_> = records.iter().filter_map(Record::named).collect();
        unnamed.retain(|id, _| !named.contains(id));
        Ok(unnamed)
    }

    async fn all_bytes(&self) -> Result<BTreeMap<BytesId, usize>, ArtifactError> {
        let failed = |error| ArtifactError::unavailable(WHAT, error);
        let subjects = subject::artifact_all_bytes(&self.lattice);
        let subjects = self.stream.info_with_subjects(subjects).await;
        let mut subjects = subjects.map_err(failed)?;
        let mut all = BTreeMap::new();
        while let Some(found) = subjects.next().await {
            let (subject, count) = found.map_err(failed)?;
            let id = subject::bytes_of_artifact(&self.lattice, &subject);
            all.extend(id.map(|id| (id, count)));
        }
        Ok(all)
    }

    /// The component that bytes were stored for; none if they are gone, or somebody else stored them.
    pub async fn stored_for(&self, id: &BytesId) -> Result<Option<Digest>, ArtifactError> {
        let subject = subject::artifact_bytes(&self.lattice, id);
        match self.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => {
                let said = message.headers.get(COMPONENT_HEADER);
                Ok(said.and_then(|digest| digest.as_str().parse().ok()))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ArtifactError::unavailable(WHAT, error)),
        }
    }

    /// Writes the record anew as it stands, so that a push that has read it is forestalled; whether it stood
    /// as it was read. Where there was none, one says that the component was removed, and `id` with it.
    pub async fn forestall(&self, record: &Record, id: &BytesId) -> Result<bool, ArtifactError> {
        let said = record.info.clone().unwrap_or_else(|| ObjectInfo {
            deleted: true,
            ..self.info_of(&record.digest, id)
        });
        self.write(record, &said, "forestall a push").await
    }
}

impl Record {
    /// The bytes that it names, if it says that they are there.
    pub fn named(&self) -> Option<BytesId> {
        self.stored()?.nuid.parse().ok()
    }
}
