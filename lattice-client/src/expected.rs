//! Messages that a stream takes only where its subject stands as it was read.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, ErrorCode};

/// How long one who was forestalled by a message that is still on its way between the servers of a cluster
/// waits: about as long as it takes them. Who reads before would read what was there before, and be
/// forestalled by the same message again.
const ON_ITS_WAY: Duration = Duration::from_millis(10);

/// Publishes to a stream; answers the message's sequence, or none if another came first.
pub(crate) async fn publish(
    jetstream: &Context,
    subject: String,
    message: PublishMessage,
) -> Result<Option<u64>, PublishError> {
    match jetstream.send_publish(subject, message).await?.await {
        Ok(taken) => Ok(Some(taken.sequence)),
        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
        Err(error) if is_on_its_way(&error) => {
            tokio::time::sleep(ON_ITS_WAY).await;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether what came first is not yet where it will stand, which a cluster says in other words.
fn is_on_its_way(error: &PublishError) -> bool {
    let said = error.source().and_then(|source| source.downcast_ref());
    said.is_some_and(|said: &jetstream::Error| {
        said.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
    })
}
