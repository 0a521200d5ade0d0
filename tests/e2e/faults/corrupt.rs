//! Records of the state that nobody can read, under load.

use lattice_tests::{Lattice, Load, Machine, eventually};
use serde_json::{Value, json};

use super::hosts::{leader, settled_on, three};
use crate::program;

/// Puts bytes that mean nothing in a record's place, past every host.
async fn spoil(lattice: &Lattice, keys: &[&str]) {
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let state = jetstream.get_key_value("lattice_default").await.unwrap();
    for key in keys {
        state.put(*key, "\u{1}no record".into()).await.unwrap();
    }
}

async fn said(machines: &[Machine], words: &str) {
    eventually(&format!("a host says {words:?}"), async || {
        let lines = || machines.iter().flat_map(Machine::lines);
        match lines().any(|line| line.contains(words)) {
            true => Ok(()),
            false => Err(lines().collect::<Vec<_>>()),
        }
    })
    .await;
}

/// How often hosts said that something of an actor began or ended.
fn moved(events: &lattice_tests::Events) -> Vec<Value> {
    let types = ["lattice.actor.stopped", "lattice.actor.failed"];
    let all = events.so_far().into_iter();
    all.filter(|event| types.iter().any(|name| event["type"] == *name))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_assignments_under_load_stop_nothing_and_are_written_anew() {
    let mut lattice = Lattice::start(program()).await;
    let machines = three(&mut lattice, &[]).await;
    let events = lattice.events().await;
    let load = Load::callers(&lattice, 4);
    load.answers(100).await;
    spoil(&lattice, &["assign.a", "assign.b", "assign.c"]).await;
    said(
        &machines,
        "this host's assignment can't be read: what runs is kept",
    )
    .await;
    load.answers(200).await;
    assert_eq!(moved(&events), Vec::<Value>::new());
    lattice.run_with("greeter", "instances = 9").await;
    settled_on(&lattice, 3, 9).await;
    load.answers(100).await;
    load.end_without_failures().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_app_under_load_stops_nothing_whoever_leads_and_a_good_apply_heals_it() {
    let mut lattice = Lattice::start(program()).await;
    let mut machines = three(&mut lattice, &[]).await;
    let events = lattice.events().await;
    let load = Load::callers(&lattice, 4);
    load.answers(100).await;
    spoil(&lattice, &["app.greeter"]).await;
    said(&machines, "a declared app can't be read").await;
    // Whoever leads next has never read it.
    let place = leader(&machines).await;
    let ended = machines.remove(place);
    let id = ended.id().to_owned();
    lattice
        .request(&format!("lattice.default.host.{id}.ctl.stop"), "")
        .await;
    ended.ended().await;
    leader(&machines).await;
    load.answers(400).await;
    // What it gave up is told, so that what others give up would be.
    events.of("actor.stopped", "actor/greeter").await;
    let source = format!("/lattice/default/host/{id}");
    let of_others = moved(&events).into_iter();
    let of_others: Vec<_> = of_others
        .filter(|event| event["source"] != source)
        .collect();
    assert_eq!(of_others, Vec::<Value>::new());

    lattice.run_with("greeter", "instances = 8").await;
    settled_on(&lattice, 2, 8).await;
    let listed = lattice.control("app.list", json!({})).await;
    assert_eq!(listed["value"][0]["name"], "greeter", "{listed}");
    load.answers(100).await;
    load.end_without_failures().await;
}
