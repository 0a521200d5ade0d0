//! Listing keys, a page at a time.
//!
//! Each key is one message of the stream, so a cursor is the number of the last message that was
//! looked at: no listing has to be remembered here. A key that is written while a listing is under
//! way moves to the end; so a key that is there throughout is listed at least once, and one that
//! nobody writes exactly once. A page may hold few keys where many were deleted, but is empty only
//! when it is the last.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use futures_util::StreamExt as _;
use lattice_protocol::standard::keyvalue::KeyResponse;

use super::attempt::Fault;
use super::entries::{Entries, is_deletion};
use super::key;
use crate::store::{PAGE_BYTES_MAX, PAGE_KEYS_MAX};

/// When the server forgets a reader that was not closed, as after a lost connection.
const READER_KEPT: Duration = Duration::from_secs(10);
/// How long the server may take to send a page.
const PAGE_TIME: Duration = Duration::from_secs(1);

/// The page after `cursor`, or the first.
pub(super) async fn read(entries: &Entries, cursor: Option<u64>) -> Result<KeyResponse, Fault> {
    let reader = open(entries, cursor).await?;
    let page = match reader.cached_info().num_pending {
        0 => Ok(KeyResponse {
            keys: Vec::new(),
            cursor: None,
        }),
        _ => fill(entries, &reader).await,
    };
    let name = &reader.cached_info().name;
    if let Err(error) = entries.stream().delete_consumer(name).await {
        // The server forgets it by itself.
        tracing::debug!(%error, "a reader of keys was not closed");
    }
    page
}

async fn open(entries: &Entries, cursor: Option<u64>) -> Result<Consumer<pull::Config>, Fault> {
    let start = pull::Config {
        description: Some("lists keys".into()),
        deliver_policy: match cursor {
            None => DeliverPolicy::All,
            Some(last) => DeliverPolicy::ByStartSequence {
                start_sequence: last.saturating_add(1),
            },
        },
        ack_policy: AckPolicy::None,
        headers_only: true,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: READER_KEPT,
        ..pull::Config::default()
    };
    let opened = entries.stream().create_consumer(start).await;
    opened.map_err(|error| Fault::absent(format!("failed to list keys in JetStream: {error}")))
}

async fn fill(entries: &Entries, reader: &Consumer<pull::Config>) -> Result<KeyResponse, Fault> {
    let mut page = Page::default();
    while !page.is_done() {
        let silent = |error: &dyn std::fmt::Display| {
            Fault::silent(format!("failed to list keys in JetStream: {error}"))
        };
        let batch = reader
            .fetch()
            .max_messages(PAGE_KEYS_MAX)
            .expires(PAGE_TIME)
            .messages();
        let mut batch = batch.await.map_err(|error| silent(&error))?;
        let before = page.last;
        while let Some(message) = batch.next().await {
            page.take(entries, &message.map_err(|error| silent(&error))?)
                .map_err(|e| silent(&e))?;
            if page.is_done() {
                break;
            }
        }
        if page.last == before {
            return Err(silent(&"the server sent no more"));
        }
    }
    Ok(page.into_response())
}

#[derive(Debug, Default)]
struct Page {
    keys: Vec<String>,
    bytes: usize,
    /// The last message that was looked at.
    last: Option<u64>,
    /// How many come after it.
    pending: u64,
}

impl Page {
    fn take(&mut self, entries: &Entries, message: &Message) -> Result<(), async_nats::Error> {
        let info = message.info()?;
        let deleted = message.headers.as_ref().is_some_and(is_deletion);
        let key = entries
            .key(&message.subject)
            .filter(|_| !deleted)
            .and_then(key::decode);
        self.add(key, info.stream_sequence, info.pending);
        Ok(())
    }

    fn add(&mut self, key: Option<String>, sequence: u64, pending: u64) {
        (self.last, self.pending) = (Some(sequence), pending);
        if let Some(key) = key {
            self.bytes += key.len();
            self.keys.push(key);
        }
    }

    fn is_done(&self) -> bool {
        let at_end = self.last.is_some() && self.pending == 0;
        at_end || self.keys.len() >= PAGE_KEYS_MAX || self.bytes >= PAGE_BYTES_MAX
    }

    fn into_response(self) -> KeyResponse {
        let cursor = self.last.filter(|_| self.pending > 0);
        KeyResponse {
            keys: self.keys,
            cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_when_it_is_full_or_when_nothing_comes_after() {
        let mut page = Page::default();
        assert!(!page.is_done());
        page.add(Some("a".into()), 7, 1);
        assert!(!page.is_done());
        page.add(None, 9, 0);
        assert!(page.is_done());
        let response = page.into_response();
        assert_eq!(
            (response.keys, response.cursor),
            (vec!["a".to_owned()], None)
        );
    }

    #[test]
    fn a_full_page_says_where_the_next_begins() {
        let mut page = Page::default();
        for sequence in 1..=PAGE_KEYS_MAX as u64 {
            assert!(!page.is_done());
            page.add(Some("k".into()), sequence, 5_000 - sequence);
        }
        assert!(page.is_done());
        assert_eq!(page.into_response().cursor, Some(PAGE_KEYS_MAX as u64));

        let mut long = Page::default();
        long.add(Some("k".repeat(PAGE_BYTES_MAX)), 1, 1);
        assert!(long.is_done());
    }
}
