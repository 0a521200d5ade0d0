//! When and how often to ask a store again that is reached over the network.
//!
//! The call's deadline is the outer bound: the kit drops the whole at it. Inside it every wait is
//! bounded too, so that a caller learns that the store is away rather than that time was short.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use lattice_protocol::error::{CallError, Executed};
use tokio::time::Instant;

use crate::store::Error;

/// How often a request is made: with the pauses between, a server that changes its leader or
/// restarts is waited for about a second.
pub(crate) const ATTEMPTS_MAX: u32 = 6;
/// The first pause; each next is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
pub(crate) const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Where the work of an attempt is done: a bucket's stream, a connection.
pub(crate) trait Source: Sync {
    /// What the work needs.
    type Place: Clone + Send + Sync;

    /// How long one answer may take.
    fn answer_time(&self) -> Duration;
    /// How long after the first attempt the last may begin.
    fn patience(&self) -> Duration;
    /// Gets the place; nothing of the work is begun before that.
    fn get(&self) -> impl Future<Output = Result<Self::Place, Fault>> + Send;
    /// Told of a fault at a place: whether to look for another is up to the source.
    fn failed(&self, place: &Self::Place, fault: &Fault);
}

/// Why an attempt failed, as far as the next step differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Trying again won't help.
    Final(Error),
    /// Nobody was there to do it: it was certainly not done.
    Absent(Error),
    /// There was no answer: it may have been done.
    Silent(Error),
}

impl Fault {
    pub(crate) fn absent(reason: impl Into<String>) -> Self {
        Self::Absent(Error::unavailable(reason))
    }

    pub(crate) fn silent(reason: impl Into<String>) -> Self {
        Self::Silent(Error::lost(reason))
    }

    /// Of what came before the work: nothing was done.
    fn before_the_work(self) -> Self {
        match self {
            Self::Silent(Error::Failed(error)) => Self::Absent(Error::Failed(CallError {
                executed: Executed::No,
                ..error
            })),
            other => other,
        }
    }

    /// What the caller is told; an earlier attempt may have done what this one did not.
    fn into_error(self, maybe_done: bool) -> Error {
        let (Self::Final(error) | Self::Absent(error) | Self::Silent(error)) = self;
        match error {
            Error::Failed(error) if maybe_done => Error::Failed(CallError {
                executed: Executed::Maybe,
                ..error
            }),
            error => error,
        }
    }
}

/// Whether work that was not answered may be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Done twice is the same as done once.
    Always,
    /// Only what was certainly not done: a late repetition would undo what others wrote since.
    IfNotDone,
}

impl Repeat {
    fn allows(self, fault: &Fault) -> bool {
        match fault {
            Fault::Final(_) => false,
            Fault::Absent(_) => true,
            Fault::Silent(_) => self == Self::Always,
        }
    }
}

/// Does what is the same done once or many times: a read, or a write that the server knows again.
pub(crate) async fn idempotent<S: Source, T, W, F>(source: &S, work: W) -> Result<T, Error>
where
    W: Fn(S::Place) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    repeated(source, work, Repeat::Always).await
}

/// Does what must not be done twice.
pub(crate) async fn at_most_once<S: Source, T, W, F>(source: &S, work: W) -> Result<T, Error>
where
    W: Fn(S::Place) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    repeated(source, work, Repeat::IfNotDone).await
}

async fn repeated<S: Source, T, W, F>(source: &S, work: W, repeat: Repeat) -> Result<T, Error>
where
    W: Fn(S::Place) -> F,
    F: Future<Output = Result<T, Fault>>,
{
    let began = Instant::now();
    let mut attempt = 1;
    let mut maybe_done = false;
    loop {
        let fault = match within(source.answer_time(), source.get()).await {
            Err(fault) => fault.before_the_work(),
            Ok(place) => match within(source.answer_time(), work(place.clone())).await {
                Ok(value) => return Ok(value),
                Err(fault) => {
                    source.failed(&place, &fault);
                    maybe_done |= matches!(fault, Fault::Silent(_));
                    fault
                }
            },
        };
        let is_last = attempt == ATTEMPTS_MAX || began.elapsed() > source.patience();
        if is_last || !repeat.allows(&fault) {
            return Err(fault.into_error(maybe_done));
        }
        tokio::time::sleep(pause(attempt, random())).await;
        attempt += 1;
    }
}

/// Bounds the wait for one answer.
async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(Fault::silent("the store does not answer")))
}

/// How long to wait after the given attempt. `random` spreads those who failed together: each
/// waits between half and all of it.
pub(crate) fn pause(attempt: u32, random: u32) -> Duration {
    let doubled = PAUSE
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(PAUSE_MAX);
    doubled / 2 + (doubled / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// A number that differs between processes and calls; nothing secret hangs on it.
pub(crate) fn random() -> u32 {
    // The standard library seeds each of these differently.
    (RandomState::new().hash_one(()) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A source whose place is found in the end, or never.
    #[derive(Default)]
    struct Absent {
        asked: AtomicU32,
        found_at: u32,
        patience: Duration,
    }

    impl Source for Absent {
        type Place = ();

        fn answer_time(&self) -> Duration {
            Duration::from_secs(2)
        }

        fn patience(&self) -> Duration {
            self.patience
        }

        async fn get(&self) -> Result<(), Fault> {
            match self.asked.fetch_add(1, Ordering::Relaxed) + 1 >= self.found_at {
                true => Ok(()),
                // As long as a host takes that drops what is sent to it.
                false => std::future::pending().await,
            }
        }

        fn failed(&self, _: &(), _: &Fault) {}
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_begun_is_told_as_not_done_once_patience_is_over() {
        let source = Absent {
            found_at: u32::MAX,
            patience: Duration::from_secs(1),
            ..Absent::default()
        };
        let began = Instant::now();
        let error = at_most_once(&source, async |()| Ok::<(), Fault>(()))
            .await
            .unwrap_err();
        let Error::Failed(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.executed, Executed::No);
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_done_twice_waits_for_its_place_but_is_done_once() {
        let source = Absent {
            found_at: 3,
            patience: Duration::MAX,
            ..Absent::default()
        };
        let done = AtomicU32::new(0);
        let work = async |()| {
            done.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Fault::silent("no answer"))
        };
        let error = at_most_once(&source, work).await.unwrap_err();
        let Error::Failed(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.executed, Executed::Maybe);
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_what_is_safe_is_done_again() {
        let done_again = |fault: Fault| {
            (
                Repeat::Always.allows(&fault),
                Repeat::IfNotDone.allows(&fault),
            )
        };
        assert_eq!(
            done_again(Fault::Final(Error::refused("x"))),
            (false, false)
        );
        assert_eq!(done_again(Fault::absent("x")), (true, true));
        assert_eq!(done_again(Fault::silent("x")), (true, false));
    }

    #[test]
    fn a_failure_after_silence_does_not_say_that_nothing_was_done() {
        let told = |maybe_done| match Fault::absent("x").into_error(maybe_done) {
            Error::Failed(error) => error.executed,
            told => panic!("{told:?}"),
        };
        assert_eq!((told(false), told(true)), (Executed::No, Executed::Maybe));
    }

    #[test]
    fn pauses_grow_are_spread_and_have_an_end() {
        assert_eq!(pause(1, 0), PAUSE / 2);
        assert_eq!(pause(1, u32::MAX), PAUSE);
        assert_eq!(pause(3, u32::MAX), PAUSE * 4);
        assert_eq!(pause(u32::MAX, u32::MAX), PAUSE_MAX);
        assert_ne!(random(), random());
    }
}
