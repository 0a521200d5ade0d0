//! More than one host.

use std::collections::BTreeSet;

use lattice_tests::{Lattice, Load, eventually, guest};
use serde_json::json;

use crate::program;

/// How many calls are on their way at a time, where there are any.
const CALLERS: usize = 4;

async fn two_hosts() -> Lattice {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actors_instances_are_spread_over_both_hosts_and_calls_reach_both() {
    let lattice = two_hosts().await;
    let logs = lattice.logs().await;
    lattice.run_with("greeter", "instances = 4").await;
    lattice.until_placed("greeter", &[("a", 2), ("b", 2)]).await;
    eventually("both hosts served a call", async || {
        lattice.call("greeter.greet", json!(["World"])).await.text();
        let hosts: BTreeSet<_> = logs
            .so_far()
            .iter()
            .map(|record| record["host"].as_str().unwrap().to_owned())
            .collect();
        if hosts.len() == 2 { Ok(()) } else { Err(hosts) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_host_that_stops_moves_to_the_other_and_no_call_fails() {
    let mut lattice = two_hosts().await;
    lattice.run_with("greeter", "instances = 4").await;
    let load = Load::callers(&lattice, CALLERS);
    load.answers(20).await;
    lattice.stop_host("b").await;
    lattice.until_placed("greeter", &[("a", 4)]).await;
    load.answers(20).await;
    load.end_without_failures().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_joins_takes_its_share() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.run_with("greeter", "instances = 4").await;
    lattice.host("b").await;
    lattice.until_placed("greeter", &[("a", 2), ("b", 2)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_to_and_fro_fails_no_call_and_hosts_say_by_which_assignment_they_run() {
    let mut lattice = Lattice::start(program()).await;
    for host in ["a", "b"] {
        lattice.host_with(host, &[("zone", host)]).await;
    }
    let require = |zone: &str| format!("instances = 2\nrequire = {{ zone = \"{zone}\" }}");
    lattice.run_with("greeter", &require("a")).await;
    let load = Load::callers(&lattice, CALLERS);
    for zone in ["b", "a", "b"] {
        lattice.run_with("greeter", &require(zone)).await;
        eventually("it runs there and nowhere else", async || {
            let placement = lattice.placement("greeter").await;
            if placement == [(zone.to_owned(), 2)].into() {
                Ok(())
            } else {
                Err(placement)
            }
        })
        .await;
        load.answers(20).await;
    }
    load.end_without_failures().await;
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let state = jetstream.get_key_value("lattice_default").await.unwrap();
    for host in ["a", "b"] {
        eventually("the host names the assignment that stands", async || {
            let entry = state
                .entry(format!("assign.{host}"))
                .await
                .unwrap()
                .unwrap();
            let subject = format!("lattice.default.host.{host}.ctl.inventory");
            let report = lattice.request(&subject, "{}").await.json();
            match report["value"]["assignment"]["revision"] == entry.revision {
                true => Ok(()),
                false => Err((report, entry.revision)),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_to_another_component_under_load_fails_no_call() {
    let lattice = two_hosts().await;
    lattice.run_with("greeter", "instances = 4").await;
    let events = lattice.events().await;
    let load = Load::callers(&lattice, CALLERS);
    load.answers(20).await;
    // The same code with one more custom section: another component to everybody who asks.
    let mut component = guest::bytes("greeter");
    component.extend(b"\x00\x08\x07another");
    let artifacts = lattice.client().artifacts().await.unwrap();
    let digest = artifacts.push(&component).await.unwrap();
    let before = lattice.control("actor.list", json!({})).await;
    let before = before["value"][0]["hosts"]["a"]["revision"].clone();
    let update = json!({ "name": "greeter", "component": digest });
    let updated = lattice.control("actor.update", update).await;
    assert_eq!(updated["ok"], true, "{updated}");
    events.of("actor.updated", "actor/greeter").await;
    eventually("both hosts run the other component", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let hosts = &list["value"][0]["hosts"];
        let both = hosts["a"]["revision"] == hosts["b"]["revision"];
        let both = both && hosts["a"]["revision"] != before;
        let running = hosts["a"]["phase"] == "running" && hosts["b"]["phase"] == "running";
        let component = list["value"][0]["component"] == digest.to_string();
        if both && running && component {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
    load.answers(20).await;
    load.end_without_failures().await;
}
