//! Calls over a link that fail: the same code and the same words on every way.

use lattice_tests::eventually;
use serde_json::json;

use super::pair::{Pair, Parts};
use crate::way::{Way, every_way};

every_way! {
    a_trap_of_the_callee_ends_the_callers_call_in_the_same_words,
    links_in_a_circle_are_followed_up_to_the_limit_and_then_named_as_a_cycle,
    a_full_callee_is_overloaded_and_serves_again_once_it_has_room,
    a_callee_that_is_not_there_is_unavailable_and_serves_once_it_is,
}

async fn a_trap_of_the_callee_ends_the_callers_call_in_the_same_words(way: Way) {
    let mut pair = Pair::start(way, Parts::ERRAND).await;
    let logs = pair.lattice.logs().await;
    let panic = "lattice:errand/orders.panic";
    let failure = pair.call(panic, json!(["it broke"])).await.failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    assert_eq!(failure.executed, "maybe");
    pair.assert_went(1);
    let direct = pair
        .lattice
        .call("callee.lattice:errand/work.panic", json!(["it broke"]))
        .await
        .failure();
    assert!(direct.message.ends_with("it broke"), "{direct:?}");
    let words = format!("the call to callee failed: trapped: {}", direct.message);
    assert_eq!(failure.message, words);
    let record = logs.with("callee", "wasm backtrace").await;
    assert_eq!(record["host"], pair.callee_host());
    let say = "lattice:errand/orders.say";
    assert_eq!(pair.call(say, json!(["a"])).await.json(), "a");
}

async fn links_in_a_circle_are_followed_up_to_the_limit_and_then_named_as_a_cycle(way: Way) {
    let parts = Parts {
        caller: "loop-back",
        callee: "loop-back",
        interface: "lattice:test",
        settings: "instances = 16",
        harmless: ("hop", "[1]"),
        ..Parts::ERRAND
    };
    let mut pair = Pair::start(way, parts).await;
    for (hops, calls) in [(0, 0), (1, 1), (2, 1), (15, 8)] {
        assert_eq!(pair.call("hop", json!([hops])).await.json(), hops);
        pair.assert_went(calls);
    }
    for hops in [16, 1000] {
        let failure = pair.call("hop", json!([hops])).await.failure();
        assert!(failure.is("bad-request", 400), "{failure:?}");
        assert!(failure.message.contains("form a cycle"), "{failure:?}");
        pair.assert_went(8);
    }
    pair.until_load("caller", 0, 0).await;
    pair.until_load("callee", 0, 0).await;
}

async fn a_full_callee_is_overloaded_and_serves_again_once_it_has_room(way: Way) {
    let parts = Parts {
        both: "limits = { time_ms = 3_600_000, waiting = 0 }",
        settings: "instances = 1",
        ..Parts::ERRAND
    };
    let pair = Pair::start(way, parts).await;
    let id = "01890a5dac96774bbcceb302099a8057";
    let (sleep, say) = (
        "lattice:errand/orders.sleep-ms",
        "lattice:errand/orders.say",
    );
    pair.send(sleep, json!([3_600_000]), id).await;
    pair.until_load("callee", 1, 0).await;
    for _ in 0..20 {
        let failure = pair.call(say, json!(["a"])).await.failure();
        assert!(failure.is("overloaded", 503), "{failure:?}");
        assert_eq!(
            failure.message,
            "the call to callee failed: overloaded: actor callee is full: 1 calls run and 0 wait; \
             scale it, or raise limits.waiting"
        );
    }
    pair.cancel(id).await;
    pair.until_load("callee", 0, 0).await;
    assert_eq!(pair.call(say, json!(["a"])).await.json(), "a");
}

async fn a_callee_that_is_not_there_is_unavailable_and_serves_once_it_is(way: Way) {
    let mut pair = Pair::start(way, Parts::ERRAND).await;
    pair.stop_listening().await;
    scale_callee(&pair, 0).await;
    let say = "lattice:errand/orders.say";
    let failure = pair.call(say, json!(["a"])).await.failure();
    assert!(failure.is("unavailable", 503), "{failure:?}");
    let words = "the call to callee failed: unavailable: nobody answers for callee";
    assert!(failure.message.starts_with(words), "{failure:?}");
    scale_callee(&pair, 1).await;
    assert_eq!(pair.call(say, json!(["a"])).await.json(), "a");
}

async fn scale_callee(pair: &Pair, instances: u32) {
    let scale = json!({ "name": "callee", "instances": instances });
    let scaled = pair.lattice.control("actor.scale", scale).await;
    assert_eq!(scaled["ok"], true, "{scaled}");
    let inventory = format!("lattice.default.host.{}.ctl.inventory", pair.callee_host());
    eventually("the callee is scaled", async || {
        let report = pair.lattice.request(&inventory, "{}").await.json();
        let callee = &report["value"]["actors"]["callee"];
        let fits = match instances {
            0 => callee.is_null(),
            _ => callee["slots"] == instances && callee["phase"] == "running",
        };
        if fits { Ok(()) } else { Err(report) }
    })
    .await;
}
