//! What was written to many keys, and is still kept.

use std::time::Duration;

use async_nats::jetstream::consumer;
use futures_util::stream::StreamExt as _;
use time::format_description::well_known::Rfc3339;

use super::{State, StateError, StateRevision};
use crate::replicas::chain;

/// How long the next of many revisions may take: they come from one server, in order.
const HISTORY_PATIENCE: Duration = Duration::from_secs(5);
/// What a key-value bucket writes on the message that removes a key.
const OPERATION_HEADER: &str = "KV-Operation";
impl State {
    /// Every kept revision of every key that matches a pattern, oldest first, with its key: what a
    /// history of each would tell, from one consumer for all.
    pub async fn histories(
        &self,
        pattern: &str,
    ) -> Result<Vec<(String, StateRevision)>, StateError> {
        let failed = |e: &(dyn std::error::Error + 'static)| {
            StateError::unavailable(format!("read the history of {pattern}"), chain(e))
        };
        let config = consumer::pull::OrderedConfig {
            filter_subject: format!("{}{pattern}", self.kv.prefix),
            ..consumer::pull::OrderedConfig::default()
        };
        let consumer = self.kv.stream.create_consumer(config).await;
        let consumer = consumer.map_err(|e| failed(&e))?;
        let mut left = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(|e| failed(&e))?;
        let mut revisions = Vec::new();
        while left > 0 {
            let message = tokio::time::timeout(HISTORY_PATIENCE, messages.next()).await;
            let message = message.map_err(|e| failed(&e))?;
            let message = message.ok_or_else(|| failed(&std::io::Error::other("it ended")))?;
            let message = message.map_err(|e| failed(&e))?;
            let info = message.info().map_err(|e| failed(&*e))?;
            left = info.pending;
            let Some(key) = message.subject.strip_prefix(&self.kv.prefix) else {
                continue;
            };
            let is_there = message
                .headers
                .as_ref()
                .is_none_or(|headers| headers.get(OPERATION_HEADER).is_none());
            let revision = StateRevision {
                revision: info.stream_sequence,
                written: info.published.format(&Rfc3339).unwrap_or_default(),
                value: is_there.then(|| message.payload.clone()),
            };
            revisions.push((key.to_owned(), revision));
        }
        Ok(revisions)
    }
}
