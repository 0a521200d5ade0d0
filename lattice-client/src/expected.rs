//! Messages that a stream takes only where its subject stands as it was read.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, ErrorCode};

/// How long is waited for a message that came first and is still on its way between the servers of a cluster:
/// about as long as it takes them.
const ON_ITS_WAY: Duration = Duration::from_millis(10);
/// How often: then the servers have lost each other, and whoever wants to write reads anew.
const ON_ITS_WAY_TIMES: u32 = 200;

/// Publishes to a stream; answers the message's sequence, or none if another came first, which can then be
/// read.
pub(crate) async fn publish(
    jetstream: &Context,
    subject: String,
    message: PublishMessage,
) -> Result<Option<u64>, PublishError> {
    for _ in 0..ON_ITS_WAY_TIMES {
        let sent = jetstream.send_publish(subject.clone(), message.clone());
        match sent.await?.await {
            Ok(taken) => return Ok(Some(taken.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => return Ok(None),
            // What is refused is not stored, and may be sent again.
            Err(error) if is_on_its_way(&error) => tokio::time::sleep(ON_ITS_WAY).await,
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether what came first is not yet where it will stand, which a cluster says in other words.
fn is_on_its_way(error: &PublishError) -> bool {
    let said = error.source().and_then(|source| source.downcast_ref());
    said.is_some_and(|said: &jetstream::Error| {
        said.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
    })
}
