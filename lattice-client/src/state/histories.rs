//! What was written to keys, and is still kept.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::stream::StreamExt as _;
use time::format_description::well_known::Rfc3339;

use super::{State, StateError, StateRevision, is_there};
use crate::replicas::chain;

/// How long reading them may take: they come from one server, in order.
const HISTORY_PATIENCE: Duration = Duration::from_secs(30);
/// How many are asked for at once: with the largest apps some 64 MiB.
const AT_ONCE: usize = 64;
/// How often the first of them is asked for again, and how long after: a consumer that was made just now is
/// not known to every server of a cluster, and one that does not know it says that nobody answers.
const UNKNOWN_MAX: u32 = 50;
const UNKNOWN_PAUSE: Duration = Duration::from_millis(20);
/// How long a server that is behind is waited for at a time.
const BEHIND: Duration = Duration::from_millis(500);

impl State {
    /// Every kept revision of a key, oldest first; none if it was never written.
    pub async fn history(&self, key: &str) -> Result<Vec<StateRevision>, StateError> {
        let revisions = self.histories(key).await?;
        Ok(revisions
            .into_iter()
            .map(|(_, revision)| revision)
            .collect())
    }

    /// Every kept revision of every key that matches a pattern, oldest first, with its key: what a
    /// history of each would tell, from one consumer for all. It leaves nothing on the server, as a
    /// watch does for half a minute: whoever lists often would use up what the server allows.
    pub async fn histories(
        &self,
        pattern: &str,
    ) -> Result<Vec<(String, StateRevision)>, StateError> {
        let failed = |e: &(dyn std::error::Error + 'static)| {
            StateError::unavailable(format!("read the history of {pattern}"), chain(e))
        };
        // What was written before this was asked is told, also where another server of a cluster tells it.
        let newest = self.newest(pattern).await?.unwrap_or_default();
        let config = pull::Config {
            filter_subject: format!("{}{pattern}", self.kv.prefix),
            ack_policy: AckPolicy::None,
            // Of who dies in between, it goes by itself.
            inactive_threshold: HISTORY_PATIENCE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.kv.stream.create_consumer(config).await;
        let consumer = consumer.map_err(|e| failed(&e))?;
        let read = tokio::time::timeout(HISTORY_PATIENCE, self.read_all(&consumer, newest)).await;
        let name = &consumer.cached_info().name;
        if let Err(error) = self.kv.stream.delete_consumer(name).await {
            tracing::debug!(%error, "a consumer is left to go by itself");
        }
        read.map_err(|e| failed(&e))?.map_err(|e| failed(&*e))
    }

    /// The newest revision of the keys that match a pattern, if there is one.
    pub(super) async fn newest(&self, pattern: &str) -> Result<Option<u64>, StateError> {
        let subject = format!("{}{pattern}", self.kv.prefix);
        let newest = self.kv.stream.get_last_raw_message_by_subject(&subject);
        match newest.await {
            Ok(message) => Ok(Some(message.sequence)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(StateError::unavailable(format!("read {pattern}"), error)),
        }
    }

    async fn read_all(
        &self,
        consumer: &PullConsumer,
        newest: u64,
    ) -> Result<Vec<(String, StateRevision)>, async_nats::Error> {
        let mut revisions = Vec::new();
        let (mut left, mut seen) = (consumer.cached_info().num_pending, 0);
        let mut unknown = 0;
        while left > 0 || seen < newest {
            let mut batch = match left {
                0 => {
                    let next = consumer.batch().max_messages(1).expires(BEHIND);
                    next.messages().await?
                }
                _ => consumer.fetch().max_messages(AT_ONCE).messages().await?,
            };
            let before = left;
            while let Some(message) = batch.next().await {
                let message = match message {
                    Ok(message) => message,
                    Err(error) if seen > 0 || unknown == UNKNOWN_MAX => return Err(error),
                    Err(_) => {
                        unknown += 1;
                        tokio::time::sleep(UNKNOWN_PAUSE).await;
                        break;
                    }
                };
                let info = message.info()?;
                (left, seen) = (info.pending, info.stream_sequence);
                revisions.extend(self.revision(&message)?);
            }
            // What was removed meanwhile is not sent.
            if left == before {
                left = consumer.get_info().await?.num_pending;
            }
        }
        Ok(revisions)
    }

    /// The key that a message of the bucket was written to, and what.
    fn revision(
        &self,
        message: &Message,
    ) -> Result<Option<(String, StateRevision)>, async_nats::Error> {
        let Some(key) = message.subject.strip_prefix(&self.kv.prefix) else {
            return Ok(None);
        };
        let info = message.info()?;
        let headers = message.headers.as_ref();
        let is_there = headers.is_none_or(is_there);
        let revision = StateRevision {
            revision: info.stream_sequence,
            written: info.published.format(&Rfc3339).unwrap_or_default(),
            value: is_there.then(|| message.payload.clone()),
        };
        Ok(Some((key.to_owned(), revision)))
    }
}
