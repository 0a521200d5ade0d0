//! `wasi:config`, by all its names, and `wasi:logging` by both of its.

use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use super::tries;
use crate::one_host;

async fn put(lattice: &Lattice, name: &str, values: Value) {
    let request = json!({"name": name, "values": values});
    let reply = lattice.control("config.put", request).await;
    assert_eq!(reply["ok"], true, "{reply}");
}

/// Waits until the guest reads this: the host hears of a change when NATS tells it.
async fn reads(lattice: &Lattice, key: &str, value: Value) {
    let all = json!([value, value, value]);
    eventually(&format!("{key} is {value}"), async || {
        let read = tries(lattice, "config", json!([key])).await;
        if read == all { Ok(()) } else { Err(read) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_configs_lie_under_the_own_one_by_every_name_of_the_interface() {
    let lattice = one_host().await;
    put(
        &lattice,
        "colours",
        json!({"sky": "blue", "grass": "green", "sun": "red"}),
    )
    .await;
    put(&lattice, "night", json!({"sky": "black", "moon": "white"})).await;
    let settings = "config = { sun = \"yellow\" }\nconfig_from = [\"colours\", \"night\"]";
    lattice.run_with("worlds", settings).await;
    // At once: they are read before the actor takes its first call.
    for (key, value) in [
        ("sun", json!("yellow")),
        ("sky", json!("black")),
        ("grass", json!("green")),
        ("moon", json!("white")),
        ("sea", json!(null)),
    ] {
        let read = tries(&lattice, "config", json!([key])).await;
        assert_eq!(read, json!([value, value, value]), "{key}");
    }
    let all = tries(&lattice, "config-all", json!([])).await;
    let wanted = json!([
        ["grass", "green"],
        ["moon", "white"],
        ["sky", "black"],
        ["sun", "yellow"]
    ]);
    assert_eq!(all, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_config_is_read_by_later_calls_of_the_same_revision() {
    let lattice = one_host().await;
    lattice
        .run_with(
            "worlds",
            "config_from = [\"colours\"]\ninstance = \"reuse\"",
        )
        .await;
    let revision = async || {
        let list = lattice.control("actor.list", json!({})).await;
        list["value"][0]["hosts"]["a"]["revision"].clone()
    };
    let before = revision().await;
    // It need not be there yet, may change, go, and come back.
    reads(&lattice, "sky", json!(null)).await;
    put(&lattice, "colours", json!({"sky": "blue"})).await;
    reads(&lattice, "sky", json!("blue")).await;
    put(&lattice, "colours", json!({"sky": "grey"})).await;
    reads(&lattice, "sky", json!("grey")).await;
    lattice
        .control("config.delete", json!({"name": "colours"}))
        .await;
    reads(&lattice, "sky", json!(null)).await;
    put(&lattice, "colours", json!({"sky": "red"})).await;
    reads(&lattice, "sky", json!("red")).await;
    assert_eq!(revision().await, before);
    assert!(before.is_string(), "{before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_a_component_that_names_no_version_of_logging_is_logged() {
    let lattice = one_host().await;
    lattice.run("worlds").await;
    let logs = lattice.logs().await;
    lattice
        .call("worlds.log", json!(["mind the gap"]))
        .await
        .text();
    let record = logs.with("worlds", "worlds: mind the gap").await;
    assert_eq!(record["level"], "critical");
}
