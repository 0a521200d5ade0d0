//! More calls than a callee can take: the queue is all that waits, and nothing of it stays.

use futures_util::future::join_all;
use lattice_tests::Lattice;
use serde_json::json;

use super::pair::{Pair, Parts};
use crate::program;
use crate::way::{Way, every_way};

every_way! {
    past_the_queue_calls_are_refused_and_once_the_overload_ends_the_next_succeeds_with_nothing_restarted,
    guests_that_spin_in_every_slot_are_interrupted_with_nobody_waiting_for_them,
}

const SAY: &str = "lattice:errand/orders.say";
const QUEUE: u64 = 2;

/// An id for each call, as the plain client sends them.
fn id(number: u64) -> String {
    format!("01890a5dac96774bbcceb30209a8{number:04}")
}

async fn past_the_queue_calls_are_refused_and_once_the_overload_ends_the_next_succeeds_with_nothing_restarted(
    way: Way,
) {
    let parts = Parts {
        both: "limits = { time_ms = 3_600_000, waiting = 2 }",
        settings: "instances = 1",
        ..Parts::ERRAND
    };
    let lattice = Lattice::start(program()).await;
    let events = lattice.events().await;
    let pair = Pair::start_on(lattice, way, parts).await;
    // An actor runs before its event says so.
    for actor in ["actor/caller", "actor/callee"] {
        events.of("actor.started", actor).await;
    }
    let before = events.so_far().len();
    fill(&pair).await;
    for _ in 0..20 {
        let failure = pair.call(SAY, json!(["a"])).await.failure();
        assert!(failure.is("overloaded", 503), "{failure:?}");
        assert!(
            failure.message.contains("1 calls run and 2 wait"),
            "{failure:?}"
        );
    }
    pair.until_load("callee", 1, QUEUE).await;
    for number in 0..QUEUE {
        pair.lattice.cancel("callee", &id(number)).await;
    }
    pair.cancel(&id(QUEUE)).await;
    pair.until_load("callee", 0, 0).await;
    assert_eq!(pair.call(SAY, json!(["a"])).await.json(), "a");
    let of_actors: Vec<_> = events
        .so_far()
        .into_iter()
        .skip(before)
        .filter(|event| event["type"].as_str().unwrap().contains(".actor."))
        .collect();
    assert!(of_actors.is_empty(), "{of_actors:#?}");
}

/// Has calls run and wait until there is no room for another. All but the last are sent straight to the
/// callee: of whoever waits behind a link for a second, the caller's host asks how it is, and that question
/// would take a place where one is left.
async fn fill(pair: &Pair) {
    let hour = json!([3_600_000]);
    let work = "lattice:errand/work.sleep-ms";
    for number in 0..QUEUE {
        let id = id(number);
        pair.send_to("callee", work, hour.clone(), &id).await;
        pair.until_load("callee", 1, number).await;
    }
    let order = "lattice:errand/orders.sleep-ms";
    pair.send(order, hour, &id(QUEUE)).await;
    pair.until_load("callee", 1, QUEUE).await;
}

async fn guests_that_spin_in_every_slot_are_interrupted_with_nobody_waiting_for_them(way: Way) {
    let parts = Parts {
        both: "",
        settings: "instances = 8\nlimits = { time_ms = 2_000, waiting = 0 }",
        ..Parts::ERRAND
    };
    let pair = Pair::start(way, parts).await;
    let spin = || pair.call("lattice:errand/orders.spin", json!([]));
    for ended in join_all((0..8).map(|_| spin())).await {
        let failure = ended.failure();
        assert!(failure.is("deadline", 504), "{failure:?}");
    }
    pair.until_load("callee", 0, 0).await;
    pair.until_load("caller", 0, 0).await;
    assert_eq!(pair.call(SAY, json!(["a"])).await.json(), "a");
}
