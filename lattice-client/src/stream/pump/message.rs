//! Frames as messages.

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use lattice_protocol::call::header;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{self, FRAME_BYTES_MAX, Frame};

use super::Pump;
use crate::stream::faults::lost;

/// What a frame's headers and subjects take of a message at most.
const FRAME_HEAD_BYTES: usize = 2048;

impl Pump {
    /// The longest piece that fits a message of this server.
    pub(in crate::stream) fn piece_bytes_max(&self) -> usize {
        let message = self.client.max_payload().saturating_sub(FRAME_HEAD_BYTES);
        message.clamp(1, FRAME_BYTES_MAX)
    }

    /// Sends a frame to the other end; one that isn't known yet gets it never.
    pub(in crate::stream) async fn send(
        &mut self,
        frame: Frame,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), CallError> {
        match self.peer.clone() {
            Some(peer) => self.send_to(peer, frame, headers, payload).await,
            None => Ok(()),
        }
    }

    /// Sends a frame to a subject.
    pub(in crate::stream) async fn send_to(
        &mut self,
        to: async_nats::Subject,
        frame: Frame,
        mut headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), CallError> {
        headers.insert(header::FRAME, frame.to_string());
        let subject = self.frames.subject();
        let sent = self
            .client
            .nats
            .publish_with_reply_and_headers(to, subject, headers, payload);
        // Without a connection a message waits for one: not longer than nothing may move.
        match tokio::time::timeout(self.patience, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost(error.to_string())),
            Err(_) => Err(lost("there was no connection to NATS in time".to_owned())),
        }
    }

    /// Whether a frame comes from the end that this one speaks with: the first that sent any. A request
    /// that the network brought twice is answered twice, and frames of both would make up a third answer.
    pub(super) fn is_from_peer(&mut self, message: &Message) -> bool {
        match (&message.reply, &self.peer) {
            (Some(from), Some(peer)) => from == peer,
            (Some(from), None) => {
                self.peer = Some(from.clone());
                true
            }
            (None, _) => true,
        }
    }
}

/// The frame that a message is, if it says that it is one.
pub(crate) fn frame_of(message: &Message) -> Option<Result<Frame, CallError>> {
    let text = message.headers.as_ref()?.get(header::FRAME)?.as_str();
    let malformed =
        |error: frame::Malformed| CallError::refused(ErrorCode::BadRequest, error.to_string());
    Some(text.parse().map_err(malformed))
}
