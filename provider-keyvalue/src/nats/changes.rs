//! What changes in a bucket, whoever wrote it: a durable reader of its stream for each watch.
//!
//! The reader is the server's: every process of this provider asks it for the next message, and one of
//! them gets it. What was not told when that process ended is given to another.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;
use tracing::debug;

use super::attempt::{self, Fault};
use super::buckets::Buckets;
use super::entries::{Entries, is_deletion};
use super::key;
use crate::store::Error;
use crate::watch::{Change, Changes, Watch};

/// How long one question for the next change is open at the server.
const PULL_TIME: Duration = Duration::from_secs(10);
/// How long whoever stops waits for what may be on its way: the server is near, or gone.
const LEAVE_TIME: Duration = Duration::from_secs(1);
/// After this much silence of a process that got a change another one gets it: longer than a call of
/// the actor and the pause behind it.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// For how long changes wait for a provider that is away.
const READER_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// One at a time: so of one key never an older state after a newer.
const AT_ONCE: i64 = 1;

/// The changes of one bucket for one watch.
pub(super) struct BucketChanges {
    buckets: Arc<Buckets>,
    watch: Watch,
    reader: Option<Reader>,
    /// The question that is open at the server: whoever stops waiting for it may still be answered.
    question: Option<Question>,
    /// The change that is being told.
    current: Option<Message>,
}

/// A question for the next change.
struct Question {
    answers: pull::Batch,
    asked: Instant,
}

#[derive(Clone)]
struct Reader {
    entries: Arc<Entries>,
    consumer: Consumer<pull::Config>,
}

impl BucketChanges {
    pub(super) fn new(buckets: Arc<Buckets>, watch: Watch) -> Self {
        Self {
            buckets,
            watch,
            reader: None,
            question: None,
            current: None,
        }
    }

    /// No two watches of a bucket have one name: those of actors and links hold no `_`.
    fn name(&self) -> String {
        format!("watch_{}_{}", self.watch.actor, self.watch.link)
    }

    async fn reader(&mut self) -> Result<Reader, Error> {
        if let Some(reader) = &self.reader {
            return Ok(reader.clone());
        }
        let (name, actor) = (&*self.name(), &self.watch.actor);
        let open = |entries: Arc<Entries>| async move {
            let consumer = entries
                .stream()
                .get_or_create_consumer(name, settings(name, actor.as_str()));
            match consumer.await {
                Ok(consumer) => Ok(Reader { entries, consumer }),
                Err(error) => Err(Fault::absent(format!(
                    "failed to watch a bucket in JetStream: {error}"
                ))),
            }
        };
        let reader = attempt::idempotent(&self.buckets, &self.watch.bucket, open).await?;
        Ok(self.reader.insert(reader).clone())
    }

    /// The next message; none if there was none for a while. Given up half-way, its question stays.
    async fn pull(&mut self, reader: &Reader) -> Result<Option<Message>, String> {
        let question = match &mut self.question {
            Some(question) => question,
            None => self.question.insert(Question::ask(reader).await?),
        };
        let answer = question.answer().await;
        self.question = None;
        answer
    }

    /// What the server has given this process by now, and nobody took.
    async fn untaken(&mut self) -> Option<Message> {
        let mut question = self.question.take()?;
        if let Some(reader) = &self.reader {
            // What the server sent before it answers this is here when the answer is.
            let mut consumer = reader.consumer.clone();
            let _ = tokio::time::timeout(LEAVE_TIME, consumer.info()).await;
        }
        question.answer().now_or_never()?.ok()?
    }

    /// The change that a message is; none if it is not wanted, or no key of ours.
    fn read(&self, entries: &Entries, message: &Message) -> Option<Change> {
        let key = entries.key(&message.subject).and_then(key::decode)?;
        let deleted = message.headers.as_ref().is_some_and(is_deletion);
        key.starts_with(&self.watch.prefix).then(|| Change {
            key,
            value: (!deleted).then(|| message.payload.clone()),
        })
    }

    async fn answer(&self, message: &Message, kind: AckKind) {
        // Not heard, it is given out again: then the actor is told twice.
        if let Err(error) = message.ack_with(kind).await {
            debug!(%error, "the server was not answered");
        }
    }
}

fn settings(name: &str, actor: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        description: Some(format!("what actor {actor} is told of this bucket")),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::Explicit,
        ack_wait: SILENCE_MAX,
        max_ack_pending: AT_ONCE,
        inactive_threshold: READER_KEPT,
        ..pull::Config::default()
    }
}

impl Question {
    async fn ask(reader: &Reader) -> Result<Self, String> {
        let asked = Instant::now();
        let batch = reader.consumer.batch().max_messages(1).expires(PULL_TIME);
        let answers = batch.messages().await.map_err(|error| error.to_string())?;
        Ok(Self { answers, asked })
    }

    /// The next message; none if there was none for a while.
    async fn answer(&mut self) -> Result<Option<Message>, String> {
        match self.answers.next().await {
            Some(Ok(message)) => Ok(Some(message)),
            Some(Err(error)) => Err(error.to_string()),
            None if self.asked.elapsed() < PULL_TIME / 2 => {
                Err("the server does not wait".to_owned())
            }
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Changes for BucketChanges {
    async fn next(&mut self) -> Result<Change, Error> {
        loop {
            let reader = self.reader().await?;
            let message = match self.pull(&reader).await {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(reason) => {
                    // The bucket may have been removed: it is looked for, and made, anew.
                    self.reader = None;
                    self.buckets.evict(&self.watch.bucket.name, &reader.entries);
                    let message = format!("failed to watch a bucket in JetStream: {reason}");
                    return Err(Error::unavailable(message));
                }
            };
            match self.read(&reader.entries, &message) {
                Some(change) => {
                    self.current = Some(message);
                    return Ok(change);
                }
                None => self.answer(&message, AckKind::Ack).await,
            }
        }
    }

    async fn hold(&mut self) {
        if let Some(message) = &self.current {
            self.answer(message, AckKind::Progress).await;
        }
    }

    async fn done(&mut self) {
        if let Some(message) = self.current.take() {
            self.answer(&message, AckKind::Ack).await;
        }
    }

    async fn leave(&mut self) {
        let message = match self.current.take() {
            Some(message) => Some(message),
            None => self.untaken().await,
        };
        if let Some(message) = message {
            self.answer(&message, AckKind::Nak(None)).await;
        }
    }

    async fn forget(&mut self) {
        let Some(reader) = self.reader.take() else {
            return;
        };
        if let Err(error) = reader.entries.stream().delete_consumer(&self.name()).await {
            // The server forgets it by itself, once nobody has asked for long.
            debug!(%error, "a reader of changes was not removed");
        }
    }
}
