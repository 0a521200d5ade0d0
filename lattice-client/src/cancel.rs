//! Callers that go away cancel their calls.
//!
//! A caller doesn't know which process took its call, so it tells everybody who serves the target
//! the call's id. Nobody confirms: a word that is lost leaves the call to its deadline.
//!
//! A process hears of callers by one subscription for each target, or, if it has many targets, by one
//! for all: see [`Client::hear_cancels`].

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lattice_protocol::call::header;
use lattice_protocol::id::{CallId, TargetName};
use lattice_protocol::subject::{self, Route};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::connect::Client;
use crate::serve::ServeError;

/// How many words that came before their call are kept, and for how long. A call and the word about
/// it come by two subscriptions, so either may be first; all that passes between them is what a
/// process has in its buffers, which a machine that is far too busy empties late. A word about a call
/// that another process took is kept in vain: all of them together take about a mebibyte.
const EARLY_MAX: usize = 16_384;
const EARLY_FOR: Duration = Duration::from_secs(30);

/// The calls that this process serves, by id.
#[derive(Default)]
pub(crate) struct Cancels {
    serving: Mutex<Serving>,
    /// Whether the words about all targets are heard.
    hears_all: AtomicBool,
}

#[derive(Default)]
struct Serving {
    last: u64,
    calls: HashMap<CallId, (u64, CancellationToken)>,
    /// What is served, and how often: a word about anything else is about no call that could still
    /// come.
    targets: HashMap<TargetName, usize>,
    early: Early,
}

/// Words about calls that have not come.
#[derive(Default)]
struct Early {
    kept: HashMap<CallId, Instant>,
    /// Oldest first; a word that was used stays here until its time is over.
    order: VecDeque<(CallId, Instant)>,
}

impl Early {
    /// Keeps a word in case that its call is still on its way.
    fn keep(&mut self, id: CallId, now: Instant) {
        self.forget(now);
        self.kept.insert(id, now);
        self.order.push_back((id, now));
    }

    /// Whether the word about a call came before it.
    fn take(&mut self, id: CallId, now: Instant) -> bool {
        self.forget(now);
        self.kept.remove(&id).is_some()
    }

    /// Forgets what is old, and the oldest of what is too many.
    fn forget(&mut self, now: Instant) {
        while let Some(&(id, at)) = self.order.front()
            && (self.order.len() >= EARLY_MAX || now.saturating_duration_since(at) > EARLY_FOR)
        {
            self.order.pop_front();
            if self.kept.get(&id) == Some(&at) {
                self.kept.remove(&id);
            }
        }
    }
}

/// A call that can be cancelled for as long as this lives.
pub(crate) struct Cancellable {
    cancels: Arc<Cancels>,
    id: CallId,
    /// Tells this attempt from another with the same id.
    number: u64,
    token: CancellationToken,
}

/// A target that is served for as long as this lives.
pub(crate) struct Served {
    cancels: Arc<Cancels>,
    target: TargetName,
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut serving = self.cancels.lock();
        if let Some(times) = serving.targets.get_mut(&self.target) {
            *times -= 1;
            if *times == 0 {
                serving.targets.remove(&self.target);
            }
        }
    }
}

impl Client {
    /// Hears callers that go away, whatever they have called, for as long as the future runs. What is
    /// served from here on needs no subscription of its own for that.
    pub async fn hear_cancels(&self) -> Result<impl Future<Output = ()> + use<>, ServeError> {
        let words = self.subscribed(subject::cancels(&self.lattice)).await?;
        self.cancels.hears_all.store(true, Ordering::Relaxed);
        Ok(listen(self.clone(), words))
    }

    /// Hears callers of one target that go away, for as long as both live.
    pub(crate) async fn hear_cancels_of(
        &self,
        target: &TargetName,
    ) -> Result<(Served, Option<AbortOnDropHandle<()>>), ServeError> {
        let served = self.cancels.serve(target);
        // A word that is heard twice would be kept for a call that never comes, or for a repetition.
        if self.cancels.hears_all.load(Ordering::Relaxed) {
            return Ok((served, None));
        }
        let words = self
            .subscribed(subject::cancel(&self.lattice, target))
            .await?;
        let listening = tokio::spawn(listen(self.clone(), words));
        Ok((served, Some(AbortOnDropHandle::new(listening))))
    }
}

/// Takes the words of callers in for as long as the subscription lasts.
async fn listen(client: Client, mut words: Subscriber) {
    while let Some(word) = words.next().await {
        let Ok(Route::Cancel { target }) = subject::parse(&client.lattice, &word.subject) else {
            continue;
        };
        let id = word
            .headers
            .as_ref()
            .and_then(|headers| headers.get(header::ID));
        if let Some(id) = id.and_then(|id| id.as_str().parse().ok()) {
            client.cancels.cancel(target, id);
        }
    }
}

impl Cancels {
    fn serve(self: &Arc<Self>, target: &TargetName) -> Served {
        *self.lock().targets.entry(target.clone()).or_default() += 1;
        Served {
            cancels: self.clone(),
            target: target.clone(),
        }
    }

    pub(crate) fn enlist(self: &Arc<Self>, id: CallId) -> Cancellable {
        let token = CancellationToken::new();
        let mut serving = self.lock();
        serving.last += 1;
        let number = serving.last;
        if serving.early.take(id, Instant::now()) {
            token.cancel();
        }
        serving.calls.insert(id, (number, token.clone()));
        Cancellable {
            cancels: self.clone(),
            id,
            number,
            token,
        }
    }

    fn cancel(&self, target: &str, id: CallId) {
        let mut serving = self.lock();
        match serving.calls.remove(&id) {
            Some((_, token)) => token.cancel(),
            None if serving.targets.contains_key(target) => serving.early.keep(id, Instant::now()),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Serving> {
        // Nothing panics under this lock.
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancellable {
    /// Cancelled when the caller has gone away.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

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

/// Tells everybody who serves the target that a caller has gone away.
pub(crate) async fn tell(client: &Client, target: &TargetName, id: CallId) {
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

    const TARGET: &str = "counter";

    fn serving() -> (Arc<Cancels>, Served) {
        let cancels = Arc::new(Cancels::default());
        let served = cancels.serve(&TARGET.parse().unwrap());
        (cancels, served)
    }

    #[tokio::test]
    async fn a_cancelled_call_hears_of_it_and_others_do_not() {
        let (cancels, _served) = serving();
        let (mine, other) = (cancels.enlist(CallId::new()), cancels.enlist(CallId::new()));
        cancels.cancel(TARGET, mine.id);
        mine.cancelled().await;
        assert!(!other.token.is_cancelled());
    }

    #[test]
    fn a_word_that_comes_before_its_call_cancels_it_and_no_other() {
        let (cancels, _served) = serving();
        let (id, other) = (CallId::new(), CallId::new());
        cancels.cancel(TARGET, id);
        assert!(!cancels.enlist(other).token.is_cancelled());
        assert!(cancels.enlist(id).token.is_cancelled());
        // The word was for one attempt.
        assert!(!cancels.enlist(id).token.is_cancelled());
    }

    #[test]
    fn a_word_about_what_is_not_served_is_not_kept() {
        let (cancels, served) = serving();
        let id = CallId::new();
        cancels.cancel("other", id);
        assert!(!cancels.enlist(id).token.is_cancelled());
        drop(served);
        cancels.cancel(TARGET, id);
        assert!(!cancels.enlist(id).token.is_cancelled());
    }

    #[test]
    fn words_about_calls_that_never_come_are_kept_in_bounds_of_number_and_time() {
        let (mut early, now) = (Early::default(), Instant::now());
        let first = CallId::new();
        early.keep(first, now);
        for _ in 0..EARLY_MAX {
            early.keep(CallId::new(), now);
        }
        assert!(early.order.len() <= EARLY_MAX && early.kept.len() <= EARLY_MAX);
        assert!(!early.take(first, now));
        let last = CallId::new();
        early.keep(last, now);
        assert!(!early.take(last, now + EARLY_FOR + Duration::from_millis(1)));
        assert!(early.order.is_empty() && early.kept.is_empty());
    }

    #[test]
    fn an_ended_call_leaves_nothing_behind_and_spares_a_later_attempt() {
        let (cancels, _served) = serving();
        let first = cancels.enlist(CallId::new());
        let second = cancels.enlist(first.id);
        drop(first);
        cancels.cancel(TARGET, second.id);
        assert!(second.token.is_cancelled());
        drop(second);
        assert!(cancels.lock().calls.is_empty());
    }
}
