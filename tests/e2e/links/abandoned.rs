//! Callers that go away: what they asked for ends long before its time.

use std::time::Duration;

use futures_util::stream::{StreamExt as _, iter};
use serde_json::json;

use super::pair::{Pair, Parts, order};
use super::{Way, every_way};

every_way! {
    the_word_of_a_caller_that_goes_away_frees_the_callee_whether_it_waits_or_spins,
    a_call_whose_future_is_dropped_frees_the_callee,
    two_thousand_abandoned_calls_leave_nothing_that_runs_or_waits,
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

async fn two_thousand_abandoned_calls_leave_nothing_that_runs_or_waits(way: Way) {
    let parts = Parts {
        settings: "instances = 8",
        ..Parts::ERRAND
    };
    let pair = Pair::start(way, parts).await;
    let client = pair.lattice.client();
    let calls = iter(0..2000).map(async |number: u64| {
        // Given up on the way there, in the queue, at work: the time is where they are then.
        let patience = Duration::from_micros(number * 7919 % 20_000);
        let call = client.call(order("sleep-ms", json!([3_600_000])));
        let _ = tokio::time::timeout(patience, call).await;
    });
    calls.buffer_unordered(64).for_each(async |()| {}).await;
    pair.until_load("caller", 0, 0).await;
    pair.until_load("callee", 0, 0).await;
    let said = pair
        .call("lattice:errand/orders.say", json!(["still here"]))
        .await;
    assert_eq!(said.json(), "still here");
}
