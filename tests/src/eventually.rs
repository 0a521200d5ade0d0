//! Waiting for what must come.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How often is looked: short against anything that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// When a test gives up: far above what anything takes on a busy machine, so that time decides
/// nothing but how long a failure takes.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Looks until what was promised is there; `Err` is what was seen instead.
///
/// # Panics
/// If it does not come, with what was seen last.
pub async fn eventually<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if began.elapsed() > GIVE_UP_AFTER => {
                panic!("{what}: not after {GIVE_UP_AFTER:?}; seen last: {seen:?}")
            }
            Err(_) => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    }
}
