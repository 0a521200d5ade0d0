//! Records of the state that nobody can read, under load.

use lattice_tests::{Lattice, Load, Machine, eventually};

use super::hosts::{settled_on, three};
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
fn moved(events: &lattice_tests::Events) -> Vec<String> {
    let types = ["lattice.actor.stopped", "lattice.actor.failed"];
    let all = events.so_far().into_iter();
    all.filter(|event| types.iter().any(|name| event["type"] == *name))
        .map(|event| event.to_string())
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
    assert_eq!(moved(&events), Vec::<String>::new());
    lattice.run_with("greeter", "instances = 9").await;
    settled_on(&lattice, 3, 9).await;
    load.answers(100).await;
    load.end_without_failures().await;
}
