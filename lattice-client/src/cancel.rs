//! Callers that go away cancel their calls.
//!
//! A caller doesn't know which process took its call, so it tells everybody who serves the target
//! the call's id. Nobody confirms: a word that is lost leaves the call to its deadline.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lattice_protocol::call::header;
use lattice_protocol::id::{CallId, TargetName};
use lattice_protocol::subject;
use tokio_util::sync::CancellationToken;

use crate::connect::Client;

/// The calls that this process serves, by id.
#[derive(Default)]
pub(crate) struct Cancels {
    serving: Mutex<Serving>,
}

#[derive(Default)]
struct Serving {
    last: u64,
    calls: HashMap<CallId, (u64, CancellationToken)>,
}

/// A call that can be cancelled for as long as this lives.
pub(crate) struct Cancellable {
    cancels: Arc<Cancels>,
    id: CallId,
    /// Tells this attempt from another with the same id.
    number: u64,
    token: CancellationToken,
}

impl Cancels {
    pub(crate) fn enlist(self: &Arc<Self>, id: CallId) -> Cancellable {
        let token = CancellationToken::new();
        let mut serving = self.lock();
        serving.last += 1;
        let number = serving.last;
        serving.calls.insert(id, (number, token.clone()));
        Cancellable {
            cancels: self.clone(),
            id,
            number,
            token,
        }
    }

    fn cancel(&self, id: CallId) {
        if let Some((_, token)) = self.lock().calls.remove(&id) {
            token.cancel();
        }
    }

    /// Takes the words of callers in for as long as the subscription lasts.
    pub(crate) async fn listen(self: Arc<Self>, mut words: Subscriber) {
        while let Some(word) = words.next().await {
            let id = word
                .headers
                .as_ref()
                .and_then(|headers| headers.get(header::ID));
            if let Some(id) = id.and_then(|id| id.as_str().parse().ok()) {
                self.cancel(id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Serving> {
        // Nothing panics under this lock.
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancellable {
    /// Returns when the caller has gone away.
    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        let mut serving = self.cancels.lock();
        if serving
            .calls
            .get(&self.id)
            .is_some_and(|(number, _)| *number == self.number)
        {
            serving.calls.remove(&self.id);
        }
    }
}

/// A call under way: dropped before it is settled, it cancels the call.
pub(crate) struct UnderWay {
    call: Option<(Client, TargetName, CallId)>,
}

impl UnderWay {
    pub(crate) fn new(client: &Client, target: &TargetName, id: CallId) -> Self {
        Self {
            call: Some((client.clone(), target.clone(), id)),
        }
    }

    /// The call has ended by itself, or its time is over for the callee as well.
    pub(crate) fn settled(mut self) {
        self.call = None;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some((client, target, id)) = self.call.take() else {
            return;
        };
        // Outside a runtime the process is at its end: deadlines do the rest.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tell(&client, &target, id).await });
        }
    }
}

async fn tell(client: &Client, target: &TargetName, id: CallId) {
    let subject = subject::cancel(&client.lattice, target).into_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::ID, id.to_string());
    let told = client
        .nats
        .publish_with_headers(subject, headers, Bytes::new());
    if let Err(error) = told.await {
        tracing::debug!(%error, "a call could not be cancelled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancelled_call_hears_of_it_and_others_do_not() {
        let cancels = Arc::new(Cancels::default());
        let (mine, other) = (cancels.enlist(CallId::new()), cancels.enlist(CallId::new()));
        cancels.cancel(mine.id);
        mine.cancelled().await;
        assert!(!other.token.is_cancelled());
    }

    #[test]
    fn an_ended_call_leaves_nothing_behind_and_spares_a_later_attempt() {
        let cancels = Arc::new(Cancels::default());
        let first = cancels.enlist(CallId::new());
        let second = cancels.enlist(first.id);
        drop(first);
        cancels.cancel(second.id);
        assert!(second.token.is_cancelled());
        drop(second);
        assert!(cancels.lock().calls.is_empty());
    }
}
