//! The server and the state under load: restarted, wiped, and ordered about by many at once.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use lattice_tests::{Lattice, Load, eventually};
use serde_json::{Value, json};

use crate::program;
use crate::servers::{Servers, on_one_and_three};

on_one_and_three! {
    a_wiped_state_under_load_fails_no_call_and_is_declared_anew,
    of_twenty_clients_that_contradict_each_other_the_last_one_wins_and_nothing_is_lost,
    revisions_roll_over_two_hosts_under_load_and_no_call_fails,
}

async fn two_hosts(servers: Servers) -> Lattice {
    let mut lattice = servers.lattice().await;
    lattice.host("a").await;
    lattice.host("b").await;
    lattice.run_with("greeter", "instances = 4").await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_nats_under_load_stops_nothing_and_calls_go_on_by_themselves() {
    let mut lattice = two_hosts(Servers::One).await;
    let events = lattice.events().await;
    let load = Load::losing(&lattice, 8);
    load.answers(200).await;
    lattice.nats().restart().await;
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!("NATS restarted: {endings}");
    let stopped = events.so_far();
    let stopped = stopped.iter().filter(|event| {
        event["type"] == "lattice.actor.stopped" || event["type"] == "lattice.actor.started"
    });
    assert_eq!(stopped.count(), 0, "what ran goes on");
    eventually("both hosts are there again", async || {
        let placement = lattice.placement("greeter").await;
        if placement.len() == 2 {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
    let load = Load::callers(&lattice, 8);
    load.answers(200).await;
    load.end_without_failures().await;
}

async fn a_wiped_state_under_load_fails_no_call_and_is_declared_anew(servers: Servers) {
    let lattice = two_hosts(servers).await;
    let load = Load::callers(&lattice, 8);
    load.answers(200).await;
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    jetstream.delete_key_value("lattice_default").await.unwrap();
    // It is made anew by whoever leads next.
    eventually("the lattice has a state again", async || {
        let apps = lattice.control("app.list", json!({})).await;
        if apps["ok"] == true && apps["value"] == json!([]) {
            Ok(())
        } else {
            Err(apps)
        }
    })
    .await;
    load.answers(400).await;
    lattice.run_with("greeter", "instances = 6").await;
    load.answers(200).await;
    let endings = load.end_without_failures().await;
    eprintln!("{servers:?}: state wiped: {endings}");
}

/// One of twenty, with a connection of its own.
const CLIENTS: u32 = 20;
/// So that all of them are within the history that is kept.
const ORDERS_EACH: u32 = 3;

async fn of_twenty_clients_that_contradict_each_other_the_last_one_wins_and_nothing_is_lost(
    servers: Servers,
) {
    let mut lattice = two_hosts(servers).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(lattice.nats().plain_client().await);
    }
    let orders = clients.iter().enumerate().map(async |(number, client)| {
        let mut carried_out = Vec::new();
        for order in 0..ORDERS_EACH {
            // No two alike, and none as it was declared, so that each is a change.
            let instances = 2 + u32::try_from(number).unwrap() * ORDERS_EACH + order;
            let request = json!({ "name": "greeter", "instances": instances }).to_string();
            let subject = "lattice.default.ctl.actor.scale";
            let reply = client.request(subject, request.into()).await.unwrap();
            let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
            assert_eq!(reply["ok"], true, "{reply}");
            let revision = reply["value"]["revision"].as_u64().unwrap();
            carried_out.push((revision, instances));
        }
        carried_out
    });
    let mut carried_out: Vec<_> = join_all(orders).await.into_iter().flatten().collect();
    carried_out.sort_unstable();
    assert_eq!(carried_out.len(), (CLIENTS * ORDERS_EACH) as usize);
    let revisions: BTreeSet<_> = carried_out.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(
        revisions.len(),
        carried_out.len(),
        "each order has a revision of its own"
    );

    let history = lattice
        .control("app.history", json!({ "name": "greeter" }))
        .await;
    assert_eq!(history["ok"], true, "{history}");
    let kept: Vec<_> = history["value"].as_array().unwrap().iter().rev().collect();
    let kept: Vec<_> = kept
        .iter()
        .map(|one| one["revision"].as_u64().unwrap())
        .collect();
    assert!(kept.is_sorted(), "{kept:?}");
    let first = kept.first().copied();
    let ordered: BTreeSet<_> = kept.into_iter().skip(1).collect();
    assert_eq!(
        ordered, revisions,
        "the history is the orders, after {first:?}"
    );

    let (_, last) = *carried_out.last().unwrap();
    eprintln!(
        "{servers:?}: {} contradicting orders: {} revisions, the last one wants {last}",
        carried_out.len(),
        ordered.len()
    );
    eventually("the last order is what runs", async || {
        let placement = lattice.placement("greeter").await;
        if placement.values().sum::<u32>() == last {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
}

/// How many revisions follow each other; on three servers fewer, as each takes longer.
fn revisions(servers: Servers) -> usize {
    match servers {
        Servers::One => 100,
        Servers::Three => 20,
    }
}

async fn revisions_roll_over_two_hosts_under_load_and_no_call_fails(servers: Servers) {
    let lattice = two_hosts(servers).await;
    let events = lattice.events().await;
    let load = Load::callers(&lattice, 4);
    load.answers(50).await;
    let updates = || {
        let all = events.so_far();
        all.iter()
            .filter(|event| event["type"] == "lattice.actor.updated")
            .count()
    };
    for number in 1..=revisions(servers) {
        let update = json!({ "name": "greeter", "config": { "number": number.to_string() } });
        let updated = lattice.control("actor.update", update).await;
        assert_eq!(updated["ok"], true, "{updated}");
        eventually("both hosts run it", async || {
            let done = updates();
            if done == 2 * number {
                Ok(())
            } else {
                Err(done)
            }
        })
        .await;
    }
    load.answers(50).await;
    let endings = load.end_without_failures().await;
    eprintln!("{servers:?}: {} revisions: {endings}", revisions(servers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_cannot_start_leaves_the_old_revision_serving_and_says_why() {
    let lattice = two_hosts(Servers::One).await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    // A core module is no component.
    let digest = artifacts.push(b"\0asm\x01\0\0\0").await.unwrap();
    let load = Load::callers(&lattice, 4);
    let update = json!({ "name": "greeter", "component": digest });
    let updated = lattice.control("actor.update", update).await;
    assert_eq!(updated["ok"], true, "{updated}");
    let actor = eventually("the update is taken back", async || {
        let list = lattice.control("actor.list", json!({})).await;
        match list["value"][0]["rolled_back"].is_object() {
            true => Ok(list["value"][0].clone()),
            false => Err(list),
        }
    })
    .await;
    for host in ["a", "b"] {
        assert_eq!(actor["hosts"][host]["phase"], "running", "{actor}");
    }
    let reason = actor["rolled_back"]["reason"].as_str().unwrap();
    assert!(reason.contains("does not compile"), "{reason}");
    load.answers(100).await;
    load.end_without_failures().await;
    eventually("nothing is refused any more", async || {
        let list = lattice.control("actor.list", json!({})).await;
        if list["value"][0]["hosts"]["a"].get("refused").is_none() {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_the_server_lost_is_begun_anew_and_nothing_that_was_declared_is_missed() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    let state = lattice.client().state().await.unwrap();
    let mut watch = state.watch_declared().await.unwrap();
    watch.next().await.unwrap();
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let stream = jetstream.get_stream("KV_lattice_default").await.unwrap();
    let names: Vec<_> = stream.consumer_names().try_collect().await.unwrap();
    for name in names {
        stream.delete_consumer(&name).await.unwrap();
    }
    // Also the leader's: it hears of this all the same.
    lattice.run_with("greeter", "instances = 1").await;
    while let Some(declared) = watch.next().await {
        if !declared.apps.is_empty() {
            break;
        }
    }
}
