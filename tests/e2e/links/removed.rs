//! Actors that are taken off their host while they have a call.

use lattice_tests::eventually;
use serde_json::json;

use super::pair::{Pair, Parts};
use crate::way::{Way, every_way};

const SAY: &str = "lattice:errand/orders.say";

every_way! {
    an_actor_that_is_removed_takes_no_more_calls_and_comes_back_before_its_last_one_has_ended,
}

async fn an_actor_that_is_removed_takes_no_more_calls_and_comes_back_before_its_last_one_has_ended(
    way: Way,
) {
    let mut pair = Pair::start(way, Parts::ERRAND).await;
    pair.stop_listening().await;
    let id = "01890a5dac96774bbcceb302099a8057";
    let sleep = "lattice:errand/orders.sleep-ms";
    pair.send(sleep, json!([3_600_000]), id).await;
    pair.until_load("callee", 1, 0).await;
    scale_callee(&pair, 0, "draining").await;
    until_nobody_answers(&pair).await;
    // One slot more: the call that still runs has its own.
    scale_callee(&pair, 2, "running").await;
    assert_eq!(pair.call(SAY, json!(["a"])).await.json(), "a");
    // The one before it still has its call, and so has the caller.
    pair.until_load("caller", 1, 0).await;
    scale_callee(&pair, 0, "draining").await;
    pair.cancel(id).await;
    eventually("the callee has stopped", async || {
        let callee = callee(&pair).await;
        if callee.is_null() {
            Ok(())
        } else {
            Err(callee)
        }
    })
    .await;
}

/// Waits until a call finds nobody: those that are on their way while the callee leaves are still taken.
async fn until_nobody_answers(pair: &Pair) {
    eventually("nobody answers for the callee", async || {
        let reply = pair.call(SAY, json!(["a"])).await;
        if !reply.failed() {
            return Err(reply);
        }
        let failure = reply.failure();
        assert!(failure.is("unavailable", 503), "{failure:?}");
        Ok(())
    })
    .await;
}

async fn scale_callee(pair: &Pair, instances: u32, phase: &str) {
    let scale = json!({ "name": "callee", "instances": instances });
    let scaled = pair.lattice.control("actor.scale", scale).await;
    assert_eq!(scaled["ok"], true, "{scaled}");
    eventually(&format!("the callee is {phase}"), async || {
        let callee = callee(pair).await;
        if callee["phase"] == phase {
            Ok(())
        } else {
            Err(callee)
        }
    })
    .await;
}

/// What its host says of the callee.
async fn callee(pair: &Pair) -> serde_json::Value {
    let subject = format!("lattice.default.host.{}.ctl.inventory", pair.callee_host());
    let report = pair.lattice.request(&subject, "{}").await.json();
    report["value"]["actors"]["callee"].clone()
}
