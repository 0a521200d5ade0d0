//! Clients that go away half-way through an upload.

use std::time::Duration;

use futures_util::stream::{StreamExt as _, iter};
use lattice_tests::eventually;
use tokio::io::AsyncWriteExt as _;

use super::edge::Edge;
use crate::way::{Way, every_way};

every_way! {
    ten_thousand_aborted_uploads_leave_nothing_that_runs_waits_or_is_open_and_no_memory,
}

/// How many uploads a round aborts.
const ABORTED: u64 = 10_000;
/// How many are on their way at once.
const AT_ONCE: usize = 16;
/// What the processes may grow by in a round, from rest to rest: 52 bytes for each upload, less than
/// any entry of any table has.
const GROWTH_MAX: u64 = 512 << 10;
/// After so many rounds that grew, it is the uploads.
const ROUNDS_MAX: usize = 8;

async fn ten_thousand_aborted_uploads_leave_nothing_that_runs_waits_or_is_open_and_no_memory(
    way: Way,
) {
    let mut edge = Edge::start(way, "timeout_ms = 10_000", 32).await;
    edge.until_served().await;
    let first = Open::now(&mut edge).await;
    let mut rest = after_aborted(&mut edge, &first).await;
    let mut grew = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let before = std::mem::replace(&mut rest, after_aborted(&mut edge, &first).await);
        grew.push(rest.saturating_sub(before));
        if grew.last() < Some(&GROWTH_MAX) {
            break;
        }
    }
    eprintln!("{way:?}: at rest {rest} bytes and {first:?}, grew by {grew:?} in a round");
    assert!(grew.last() < Some(&GROWTH_MAX), "bytes a round: {grew:?}");
    edge.until_served().await;
}

/// What is open.
#[derive(Debug)]
struct Open {
    /// Files and sockets, by process.
    files: Vec<usize>,
    subscriptions: u64,
}

impl Open {
    async fn now(edge: &mut Edge) -> Self {
        Self {
            subscriptions: edge.subscriptions().await,
            files: edge.open_files(),
        }
    }

    /// Whether there is nothing more than there.
    fn is_within(&self, first: &Self) -> bool {
        let mut each = self.files.iter().zip(&first.files);
        each.all(|(now, first)| now <= first) && self.subscriptions <= first.subscriptions
    }
}

/// Begins uploads and aborts them; answers how many bytes the processes have once nothing runs or waits,
/// and nothing is open that was not at first.
async fn after_aborted(edge: &mut Edge, first: &Open) -> u64 {
    const HEAD: &str = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n";
    let body = "x".repeat(100_000);
    let to = &*edge;
    let uploads = iter(0..ABORTED).map(async |number: u64| {
        let mut stream = to.send(HEAD).await;
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
    eventually("all that was open for them is closed", async || {
        let open = Open::now(edge).await;
        if open.is_within(first) {
            Ok(())
        } else {
            Err(open)
        }
    })
    .await;
    edge.resident_bytes()
}
