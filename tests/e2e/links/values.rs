//! Values over a link: every kind, the same on every way and as if there were no link.

use futures_util::future::join_all;
use lattice_tests::Lattice;
use serde_json::{Value, json};

use super::pair::{Pair, Parts};
use crate::values::{BYTES, echoes, wide};
use crate::way::{Way, every_way};

every_way! {
    every_kind_of_value_arrives_as_if_there_were_no_link,
    floats_that_json_lacks_go_through,
    functions_of_no_one_and_eighteen_parameters_go_through,
    two_interfaces_with_a_function_of_one_name_are_told_apart,
}

/// Each `echo-` function with each of its values, as JSON.
fn all() -> Vec<(String, Value)> {
    let bytes = BYTES().into_iter().map(|(kind, json, ..)| (kind, json));
    let plain = echoes()
        .into_iter()
        .flat_map(|(kind, values)| values.into_iter().map(move |value| (kind, value)));
    let all = plain.chain(bytes).chain([("wide", wide())]);
    all.map(|(kind, value)| (format!("echo-{kind}"), value))
        .collect()
}

async fn echoes_alike(lattice: &Lattice, function: &str, value: &Value) {
    let through = format!("lattice.default.call.caller.lattice:relay/types.{function}");
    let direct = format!("lattice.default.call.callee.lattice:test/types.{function}");
    let payload = json!([value]).to_string();
    let linked = lattice.request(&through, payload.clone()).await;
    assert_eq!(linked.json(), *value, "{function}");
    let plain = lattice.request(&direct, payload).await;
    assert_eq!(linked.payload, plain.payload, "{function}");
}

async fn every_kind_of_value_arrives_as_if_there_were_no_link(way: Way) {
    let mut pair = Pair::start(way, Parts::RELAY).await;
    for (function, value) in all() {
        let through = format!("lattice:relay/types.{function}");
        let linked = pair.call(&through, json!([value])).await;
        assert_eq!(linked.json(), value, "{function}");
        pair.assert_went(1);
        echoes_alike(&pair.lattice, &function, &value).await;
        pair.went_away();
    }
    for (kind, _, sent, received) in BYTES() {
        let subject = format!("lattice.default.call.caller.lattice:relay/types.echo-{kind}");
        let linked = pair.lattice.request(&subject, sent).await;
        assert!(!linked.failed(), "{kind}: {linked:?}");
        assert_eq!(linked.payload, received, "{kind} in MessagePack");
    }
    pair.assert_went(BYTES().len());
}

async fn floats_that_json_lacks_go_through(way: Way) {
    let mut pair = Pair::start(way, Parts::RELAY).await;
    for word in ["NaN", "Infinity", "-Infinity"] {
        for kind in ["f32", "f64"] {
            let function = format!("lattice:relay/types.echo-{kind}");
            assert_eq!(pair.call(&function, json!([word])).await.json(), word);
        }
        let list = json!([[word, 0.5]]);
        let floats = pair.call("echo-floats", list).await.json();
        assert_eq!(floats, json!([word, 0.5]));
    }
    pair.assert_went(9);
}

async fn functions_of_no_one_and_eighteen_parameters_go_through(way: Way) {
    let mut pair = Pair::start(way, Parts::RELAY).await;
    assert_eq!(pair.call("nothing", json!([])).await.text(), "null");
    let joined = pair.call("join", json!([["a", "b"], "-"])).await.json();
    assert_eq!(joined, "a-b");
    let many = json!([
        true, 1, 2, 3, 4, -1, -2, -3, -4, 0.5, 0.25, "c", "m", "n", null, 5, 6, 7
    ]);
    let texts = pair.call("many", many.clone()).await.json();
    pair.assert_went(3);
    assert_eq!(texts, pair.lattice.call("callee.many", many).await.json());
}

async fn two_interfaces_with_a_function_of_one_name_are_told_apart(way: Way) {
    let mut pair = Pair::start(way, Parts::RELAY).await;
    for (interface, answer) in [("types", "a"), ("shout", "A")] {
        let function = format!("lattice:relay/{interface}.echo-string");
        assert_eq!(pair.call(&function, json!(["a"])).await.json(), answer);
    }
    pair.assert_went(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_the_same_where_some_calls_stay_on_the_host_and_others_leave_it() {
    let mut pair = Pair::split(Parts::RELAY).await;
    let all = all();
    let mut asked = 0;
    let mut away = 0;
    // Until both ways were gone: with one slot on each host, calls at the same time part.
    while away == 0 || away == asked {
        let calls = all.iter().map(async |(function, value)| {
            let function = format!("lattice:relay/types.{function}");
            let linked = pair.call(&function, json!([value])).await;
            assert_eq!(linked.json(), *value, "{function}");
        });
        join_all(calls).await;
        asked += all.len();
        away += pair.went_away();
    }
}
