//! One watch: the next change, told until the actor has taken it.

use std::time::Duration;

use lattice_client::Call;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_protocol::id::TargetName;
use lattice_protocol::standard::keyvalue::{ByKey, Heard, Set};
use lattice_telemetry::Calling;
use provider_sdk::Caller;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Change, Changes, Watch};

/// How often an actor may fail over one change before the next is told: what ends its instance each
/// time must not hide everything that comes after.
const FAILURES_MAX: u32 = 5;
/// The first pause before a change is told again, or looked for again; each next is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: how soon an actor that is back hears of what it missed.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Tells the actor of changes until `stop`.
pub(super) async fn tell_all(
    caller: Caller,
    watch: &Watch,
    changes: &mut dyn Changes,
    stop: &CancellationToken,
) {
    while let Some(change) = next(watch, changes, stop).await {
        let told = tell(&caller, watch, changes, &change);
        match stop.run_until_cancelled(told).await {
            Some(()) => changes.done().await,
            None => return changes.leave().await,
        }
    }
}

/// The next change; none once it is to stop. One that comes in that very moment is left to others.
async fn next(
    watch: &Watch,
    changes: &mut dyn Changes,
    stop: &CancellationToken,
) -> Option<Change> {
    let mut missed = 0;
    loop {
        match stop.run_until_cancelled(changes.next()).await {
            Some(Ok(change)) => return Some(change),
            Some(Err(error)) => {
                if missed == 0 {
                    warn!(actor = %watch.actor, bucket = %watch.bucket.name, ?error, "changes can't be read");
                }
                missed += 1;
                stop.run_until_cancelled(tokio::time::sleep(pause(missed)))
                    .await;
            }
            None => {
                changes.leave().await;
                return None;
            }
        }
    }
}

/// Tells of one change, until the actor takes it or has failed over it too often.
async fn tell(caller: &Caller, watch: &Watch, changes: &mut dyn Changes, change: &Change) {
    let call = match call(watch, change) {
        Ok(call) => call,
        Err(reason) => return warn!(actor = %watch.actor, reason, "a change can't be told"),
    };
    let (mut attempts, mut failures) = (0, 0);
    // No request leads to this call: it has no trace to be part of.
    while let Err(error) = caller.call(call.clone(), &mut Calling::unseen()).await {
        if !is_away(&error) {
            failures += 1;
        }
        if failures == FAILURES_MAX {
            let (actor, key) = (&watch.actor, &change.key);
            warn!(%actor, ?key, %error, "an actor failed over a change {FAILURES_MAX} times: the next is told");
            return;
        }
        debug!(actor = %watch.actor, %error, "a change was not taken");
        attempts += 1;
        changes.hold().await;
        tokio::time::sleep(pause(attempts)).await;
    }
}

fn call(watch: &Watch, change: &Change) -> Result<Call, String> {
    let bucket = watch.link.to_string();
    let key = change.key.clone();
    let (heard, payload) = match &change.value {
        Some(value) => {
            let value = value.clone();
            let set = Set { bucket, key, value };
            (Heard::Set, rmp_serde::to_vec(&set))
        }
        None => (Heard::Delete, rmp_serde::to_vec(&ByKey { bucket, key })),
    };
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let target: Result<TargetName, _> = watch.actor.as_str().parse();
    Ok(Call {
        target: target.map_err(|e| told(&e))?,
        endpoint: heard.as_str().parse().map_err(|e| told(&e))?,
        context: Context::default(),
        payload: payload.map_err(|e| told(&e))?.into(),
        streams: lattice_client::stream::Streams::default(),
    })
}

/// Whether the actor could not be asked, or had no time: the change had no part in it.
fn is_away(error: &CallError) -> bool {
    let had_no_time = error.code == ErrorCode::Deadline && error.executed == Executed::No;
    had_no_time
        || matches!(
            error.code,
            ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::Cancelled
        )
}

fn pause(attempts: u32) -> Duration {
    let doubled = 2u32.saturating_pow(attempts.saturating_sub(1));
    PAUSE.saturating_mul(doubled).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use lattice_protocol::standard::keyvalue;

    use super::*;
    use crate::bucket::Bucket;

    /// Changes of which one is on its way for ever.
    #[derive(Default)]
    struct OnItsWay {
        is_asked: bool,
        is_left: bool,
    }

    #[async_trait::async_trait]
    impl Changes for OnItsWay {
        async fn next(&mut self) -> Result<Change, crate::store::Error> {
            self.is_asked = true;
            std::future::pending().await
        }

        async fn leave(&mut self) {
            self.is_left = true;
        }
    }

    #[tokio::test]
    async fn whoever_stops_while_the_next_change_is_on_its_way_leaves_it_to_others() {
        let (mut changes, stop) = (OnItsWay::default(), CancellationToken::new());
        let watch = watch();
        let stopping = async {
            tokio::task::yield_now().await;
            stop.cancel();
        };
        let (next, ()) = tokio::join!(next(&watch, &mut changes, &stop), stopping);
        assert!(next.is_none() && changes.is_asked && changes.is_left);
    }

    fn watch() -> Watch {
        Watch {
            actor: "counter".parse().unwrap(),
            link: "cache".parse().unwrap(),
            bucket: Bucket::of(None, "counts").unwrap(),
            prefix: String::new(),
        }
    }

    #[test]
    fn a_change_is_a_call_that_names_the_link_for_the_bucket() {
        let told = |value: Option<&'static str>| {
            let key = "k".to_owned();
            let value = value.map(Into::into);
            call(&watch(), &Change { key, value }).unwrap()
        };
        let set = told(Some("v"));
        assert_eq!(set.endpoint.to_string(), "wasi:keyvalue/watcher.on-set");
        let arguments: keyvalue::Set = rmp_serde::from_slice(&set.payload).unwrap();
        assert_eq!((&*arguments.bucket, &*arguments.key), ("cache", "k"));
        let deleted = told(None);
        assert_eq!(
            deleted.endpoint.to_string(),
            "wasi:keyvalue/watcher.on-delete"
        );
        assert_eq!(deleted.target.as_str(), "counter");
    }

    #[test]
    fn pauses_grow_to_their_bound() {
        let pauses: Vec<_> = (1..=8).map(|at| pause(at).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }

    #[test]
    fn only_an_actor_that_could_not_be_asked_is_asked_for_ever() {
        let away = |code| is_away(&CallError::begun(code, "x"));
        for code in [
            ErrorCode::Unavailable,
            ErrorCode::Overloaded,
            ErrorCode::Cancelled,
        ] {
            assert!(away(code), "{code}");
        }
        // It waited for its turn until its time was over.
        assert!(is_away(&CallError::refused(ErrorCode::Deadline, "x")));
        for code in [
            ErrorCode::Trapped,
            ErrorCode::Deadline,
            ErrorCode::NotFound,
            ErrorCode::Denied,
            ErrorCode::TooLarge,
        ] {
            assert!(!away(code), "{code}");
        }
    }
}
