//! Callers that go away: what they asked for ends long before its time.

use std::time::Duration;

use futures_util::stream::{StreamExt as _, iter};
use lattice_tests::process::Running;
use serde_json::json;

use super::pair::{Pair, Parts, order};
use crate::way::{Way, every_way};

/// How many calls a round abandons.
const ABANDONED: u64 = 10_000;
/// How many are abandoned before all of them must have ended. Each is cancelled twice, at the caller and
/// at the callee, and whoever does not come to hear it for a while has no room for more than 8,192 words.
const BATCH: u64 = 4_000;
/// How many are on their way at once: some more than what runs and waits at the callee.
const AT_ONCE: usize = 32;
/// What the hosts may grow by in a round, from rest to rest: 26 bytes for each call, less than any
/// entry of any table has. What calls leave behind, they leave in every round; what the allocator
/// rounds up comes and goes.
const GROWTH_MAX: u64 = 256 << 10;
/// After so many rounds that grew, it is the calls.
const ROUNDS_MAX: usize = 10;

every_way! {
    the_word_of_a_caller_that_goes_away_frees_the_callee_whether_it_waits_or_spins,
    a_call_whose_future_is_dropped_frees_the_callee,
    ten_thousand_abandoned_calls_leave_nothing_that_runs_or_waits_and_no_memory,
}

async fn the_word_of_a_caller_that_goes_away_frees_the_callee_whether_it_waits_or_spins(way: Way) {
    let mut pair = Pair::start(way, Parts::ERRAND).await;
    for (number, function) in ["sleep-ms", "spin"].into_iter().enumerate() {
        let id = format!("01890a5dac96774bbcceb302099a805{number}");
        let arguments = match function {
            "spin" => json!([]),
            _ => json!([3_600_000]),
        };
        let order = format!("lattice:errand/orders.{function}");
        pair.send(&order, arguments, &id).await;
        pair.until_load("callee", 1, 0).await;
        pair.assert_went(1);
        pair.cancel(&id).await;
        pair.until_load("callee", 0, 0).await;
        pair.until_load("caller", 0, 0).await;
    }
}

async fn a_call_whose_future_is_dropped_frees_the_callee(way: Way) {
    let mut pair = Pair::start(way, Parts::ERRAND).await;
    let client = pair.lattice.client().clone();
    let sleep = order("sleep-ms", json!([3_600_000]));
    let call = tokio::spawn(async move { client.call(sleep).await });
    pair.until_load("callee", 1, 0).await;
    pair.assert_went(1);
    call.abort();
    pair.until_load("callee", 0, 0).await;
    pair.until_load("caller", 0, 0).await;
}

async fn ten_thousand_abandoned_calls_leave_nothing_that_runs_or_waits_and_no_memory(way: Way) {
    let parts = Parts {
        settings: "instances = 8",
        ..Parts::ERRAND
    };
    let (pair, hosts) = Pair::start_processes(way, parts).await;
    // Pools, arenas and tables grow to what so many at once need, and stay.
    let mut rest = after_abandoned(&pair, &hosts).await;
    let mut grew = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let before = std::mem::replace(&mut rest, after_abandoned(&pair, &hosts).await);
        grew.push(rest.saturating_sub(before));
        if grew.last() < Some(&GROWTH_MAX) {
            break;
        }
    }
    eprintln!("{way:?}: at rest {rest} bytes, grew by {grew:?} in a round");
    assert!(grew.last() < Some(&GROWTH_MAX), "bytes a round: {grew:?}");
    let said = pair
        .call("lattice:errand/orders.say", json!(["still here"]))
        .await;
    assert_eq!(said.json(), "still here");
}

/// Makes calls and abandons them; answers how many bytes the hosts have once nothing runs or waits.
async fn after_abandoned(pair: &Pair, hosts: &[Running]) -> u64 {
    let client = pair.lattice.client();
    for first in (0..ABANDONED).step_by(BATCH as usize) {
        let batch = first..ABANDONED.min(first + BATCH);
        let calls = iter(batch).map(async |number: u64| {
            // Given up on the way there, in the queue, at work: the time is where they are then.
            let patience = Duration::from_micros(number * 7919 % 10_000);
            let call = client.call(order("sleep-ms", json!([3_600_000])));
            let _ = tokio::time::timeout(patience, call).await;
        });
        calls
            .buffer_unordered(AT_ONCE)
            .for_each(async |()| {})
            .await;
        pair.until_load("caller", 0, 0).await;
        pair.until_load("callee", 0, 0).await;
    }
    hosts.iter().map(Running::resident_bytes).sum()
}
