//! Time over a link: it ends for both sides, and leaves no slot behind.

use serde_json::json;

use super::pair::{Pair, Parts};
use crate::way::{Way, every_way};

every_way! {
    a_callee_that_spins_or_waits_past_the_callers_deadline_is_ended_and_its_slot_is_free,
    the_deadline_of_a_link_ends_the_call_through_it,
    the_callees_own_time_ends_the_call_and_the_caller_hears_of_it,
}

/// One slot and no queue: whoever is answered next found the slot free.
const ONE_SLOT: &str = "instances = 1";

const NO_QUEUE: &str = "limits = { time_ms = 3_600_000, waiting = 0 }";

async fn a_callee_that_spins_or_waits_past_the_callers_deadline_is_ended_and_its_slot_is_free(
    way: Way,
) {
    let parts = Parts {
        both: NO_QUEUE,
        settings: ONE_SLOT,
        ..Parts::ERRAND
    };
    let mut pair = Pair::start(way, parts).await;
    for (function, arguments) in [("spin", "[]"), ("sleep-ms", "[3600000]")] {
        let subject = format!("lattice.default.call.caller.lattice:errand/orders.{function}");
        let headers = [("Lattice-Deadline-Ms", "2000")];
        let reply = pair
            .lattice
            .request_with(&subject, &headers, arguments)
            .await;
        let failure = reply.failure();
        assert!(failure.is("deadline", 504), "{function}: {failure:?}");
        assert_eq!(failure.executed, "maybe");
        pair.assert_went(1);
        pair.until_load("callee", 0, 0).await;
        assert_says(&mut pair).await;
    }
}

async fn the_deadline_of_a_link_ends_the_call_through_it(way: Way) {
    let parts = Parts {
        both: NO_QUEUE,
        settings: ONE_SLOT,
        link: "deadline_ms = 2_000",
        ..Parts::ERRAND
    };
    let mut pair = Pair::start(way, parts).await;
    assert_ends_in_time(&mut pair).await;
}

async fn the_callees_own_time_ends_the_call_and_the_caller_hears_of_it(way: Way) {
    let parts = Parts {
        both: "",
        settings: "instances = 1\nlimits = { time_ms = 2_000, waiting = 0 }",
        ..Parts::ERRAND
    };
    let mut pair = Pair::start(way, parts).await;
    assert_ends_in_time(&mut pair).await;
}

/// The caller's own call has far more time than what it has done.
async fn assert_ends_in_time(pair: &mut Pair) {
    let failure = pair
        .call("lattice:errand/orders.spin", json!([]))
        .await
        .failure();
    assert!(failure.is("deadline", 504), "{failure:?}");
    let words = "the call to callee failed: deadline: ";
    assert!(failure.message.starts_with(words), "{failure:?}");
    pair.assert_went(1);
    pair.until_load("callee", 0, 0).await;
    assert_says(pair).await;
}

async fn assert_says(pair: &mut Pair) {
    let said = pair
        .call("lattice:errand/orders.say", json!(["still here"]))
        .await;
    assert_eq!(said.json(), "still here");
    pair.assert_went(1);
    // Its answer comes before its slot is free.
    pair.until_load("callee", 0, 0).await;
}
