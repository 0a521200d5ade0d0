//! Clients that go away half-way through an upload.

use std::time::Duration;

use futures_util::stream::{StreamExt as _, iter};
use tokio::io::AsyncWriteExt as _;

use super::edge::Edge;

/// How many uploads a round aborts.
const ABORTED: u64 = 10_000;
/// How many are on their way at once.
const AT_ONCE: usize = 16;
/// What both processes may grow by in a round, from rest to rest: 52 bytes for each upload, less than
/// any entry of any table has.
const GROWTH_MAX: u64 = 512 << 10;
/// After so many rounds that grew, it is the uploads.
const ROUNDS_MAX: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_aborted_uploads_leave_nothing_that_runs_or_waits_and_no_memory() {
    let edge = Edge::start("timeout_ms = 10_000", 32).await;
    let provider = edge.lattice.provider_pid("web").await;
    let mut rest = after_aborted(&edge, provider).await;
    let mut grew = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let before = std::mem::replace(&mut rest, after_aborted(&edge, provider).await);
        grew.push(rest.saturating_sub(before));
        if grew.last() < Some(&GROWTH_MAX) {
            break;
        }
    }
    eprintln!("at rest {rest} bytes, grew by {grew:?} in a round");
    assert!(grew.last() < Some(&GROWTH_MAX), "bytes a round: {grew:?}");
    edge.until_served().await;
}

/// Begins uploads and aborts them; answers how many bytes both processes have once nothing runs or waits.
async fn after_aborted(edge: &Edge, provider: u32) -> u64 {
    const HEAD: &str = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n";
    let body = "x".repeat(100_000);
    let uploads = iter(0..ABORTED).map(async |number: u64| {
        let mut stream = edge.send(HEAD).await;
        // Given up with nothing, a little or half of it sent, and at any moment after.
        let half = match number % 8 {
            0 => body.as_bytes(),
            1 => b"",
            _ => b"a little",
        };
        // The answer may be that there is no room.
        let _ = stream.write_all(half).await;
        tokio::time::sleep(Duration::from_micros(number * 7919 % 10_000)).await;
    });
    uploads
        .buffer_unordered(AT_ONCE)
        .for_each(async |()| {})
        .await;
    edge.until_busy(0).await;
    edge.resident_bytes(provider)
}
