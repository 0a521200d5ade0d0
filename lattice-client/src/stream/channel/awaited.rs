//! The reply that a caller waits for, while it comes.

use tokio::sync::oneshot;

use crate::call::{Heard, Reply};
use crate::stream::gather::Gather;
use crate::stream::pipe::Reader;
use lattice_protocol::error::CallError;

/// A call's outcome, on its way to whoever made it, and whether the callee was heard at all.
pub(super) type Answer = (Heard, Result<Reply, CallError>);

/// A reply that may come in parts.
#[derive(Default)]
pub(super) struct Awaited {
    payload: Option<Gather>,
    readers: Vec<Reader>,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Awaited {
    /// From here on somebody waits for it.
    pub(super) fn await_it(&mut self) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.answer = Some(sender);
        answer
    }

    /// Whether it has not come yet.
    pub(super) fn is_due(&self) -> bool {
        self.answer.is_some()
    }

    /// Its first part is there, and its streams.
    pub(super) fn opened(&mut self, payload: Gather, readers: Vec<Reader>) {
        self.payload = Some(payload);
        self.readers = readers;
    }

    /// Another part came.
    pub(super) fn add(&mut self, part: &[u8]) -> Result<(), CallError> {
        match &mut self.payload {
            Some(payload) => payload.add(part),
            None => Ok(()),
        }
    }

    /// The last part was there; whether that was news.
    pub(super) fn whole(&mut self) -> Result<bool, CallError> {
        let Some(payload) = self.payload.take() else {
            return Ok(false);
        };
        let payload = payload.finish()?;
        let streams = std::mem::take(&mut self.readers);
        self.settle(Heard::Answer, Ok(Reply { payload, streams }));
        Ok(true)
    }

    /// Hands it over; what comes after the first is nobody's.
    pub(super) fn settle(&mut self, heard: Heard, reply: Result<Reply, CallError>) {
        if let Some(answer) = self.answer.take() {
            // Whoever asked may have gone: its streams then go with the reply.
            let _ = answer.send((heard, reply));
        }
    }

    /// Returns when nobody waits for it any more.
    pub(super) async fn abandoned(&mut self) {
        match &mut self.answer {
            Some(answer) => answer.closed().await,
            None => std::future::pending().await,
        }
    }
}
