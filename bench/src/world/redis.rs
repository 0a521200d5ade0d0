//! A Redis server of the bench's own.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use lattice_tests::Redis;

/// Starts one; none where there is none and none can be fetched.
pub(crate) async fn redis() -> Option<Redis> {
    // It panics then, as it is part of tests that need one.
    AssertUnwindSafe(Redis::start()).catch_unwind().await.ok()
}
