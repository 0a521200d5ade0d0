//! How channels break.

use std::time::Duration;

use async_nats::Message;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame;

use crate::headers;

/// The error that a message carries.
pub(super) fn told(message: &Message) -> CallError {
    headers::error(message.headers.as_ref())
        .unwrap_or_else(|| CallError::begun(ErrorCode::Internal, "no reason was given"))
}

/// The other end did what no end does, or frames of it were lost.
pub(super) fn broken(broken: frame::Broken) -> CallError {
    lost(broken.to_string())
}

/// The other end can't be heard any more.
pub(super) fn lost(reason: String) -> CallError {
    let message = format!("the stream was cut off: {reason}");
    CallError::begun(ErrorCode::Unavailable, message)
}

/// What an end is told that asks after one which is no more.
pub(crate) fn over() -> CallError {
    lost("the other end has ended".to_owned())
}

/// The other end has stopped a stream.
pub(super) fn unwanted() -> CallError {
    let message = "the other side wants no more of the stream";
    CallError::begun(ErrorCode::Cancelled, message)
}

/// Silence for a call's whole time.
pub(super) fn silent(patience: Duration) -> CallError {
    let message = format!("nothing moved for {} ms", patience.as_millis());
    CallError::begun(ErrorCode::Deadline, message)
}

/// The caller has gone away.
pub(super) fn abandonment() -> CallError {
    CallError::begun(ErrorCode::Cancelled, "the caller went away")
}

/// The task of a channel is gone, and said nothing.
pub(super) fn never() -> CallError {
    CallError::begun(ErrorCode::Internal, "the call was dropped unanswered")
}

/// There will be no connection any more.
pub(super) fn closed() -> CallError {
    CallError::begun(ErrorCode::Unavailable, "the connection to NATS was closed")
}
