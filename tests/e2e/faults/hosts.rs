//! Hosts that are killed, drained and joined under load, each a process of its own.

use lattice_tests::{Lattice, Load, Machine, eventually};
use serde_json::json;

use crate::program;
use crate::servers::{Servers, on_one_and_three};

on_one_and_three! {
    a_host_killed_under_load_costs_at_most_the_calls_that_ran_and_its_work_moves,
    a_leader_killed_under_load_costs_no_more_and_another_leads,
    a_host_drained_under_load_fails_no_call_and_ends,
}

/// How many callers there are: each has one call at a time, so that is what a death can cost.
const CALLERS: usize = 8;

/// Three hosts, with two instances of the greeter on each.
pub(crate) async fn three(lattice: &mut Lattice, more: &[&str]) -> Vec<Machine> {
    let mut machines = Vec::new();
    for id in ["a", "b", "c"] {
        machines.push(lattice.begin_machine(id, more));
    }
    for machine in &mut machines {
        machine.joined(lattice).await;
    }
    lattice.run_with("greeter", "instances = 6").await;
    let each = [("a", 2), ("b", 2), ("c", 2)];
    lattice.until_placed("greeter", &each).await;
    machines
}

/// Waits until all instances run, on so many hosts.
pub(crate) async fn settled_on(lattice: &Lattice, hosts: usize, instances: u32) {
    eventually("all instances run", async || {
        let placement = lattice.placement("greeter").await;
        let all: u32 = placement.values().sum();
        if (placement.len(), all) == (hosts, instances) {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
}

pub(super) async fn leader(machines: &[Machine]) -> usize {
    eventually("a host leads", async || {
        machines.iter().position(Machine::leads).ok_or(())
    })
    .await
}

/// Kills one of three under load; what else it was is chosen by `which`.
async fn killed_under_load(servers: Servers, which: impl Fn(usize) -> usize) {
    let mut lattice = servers.lattice().await;
    let mut machines = three(&mut lattice, &[]).await;
    let victim = machines.remove(which(leader(&machines).await));
    let load = Load::losing(&lattice, CALLERS);
    load.answers(200).await;
    victim.kill();
    settled_on(&lattice, 2, 6).await;
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!("{servers:?}: killed {}: {endings}", victim.id());
    assert!(endings.failures() <= CALLERS as u64, "{endings}");
    leader(&machines).await;
}

async fn a_host_killed_under_load_costs_at_most_the_calls_that_ran_and_its_work_moves(
    servers: Servers,
) {
    killed_under_load(servers, |leader| (leader + 1) % 3).await;
}

async fn a_leader_killed_under_load_costs_no_more_and_another_leads(servers: Servers) {
    killed_under_load(servers, |leader| leader).await;
}

async fn a_host_drained_under_load_fails_no_call_and_ends(servers: Servers) {
    let mut lattice = servers.lattice().await;
    let mut machines = three(&mut lattice, &[]).await;
    let load = Load::callers(&lattice, CALLERS);
    load.answers(200).await;
    let drained = lattice
        .request("lattice.default.host.b.ctl.drain", "")
        .await;
    assert_eq!(drained.json()["ok"], true);
    let ended = machines.remove(1).ended().await;
    assert!(ended.status.success(), "{}", ended.text());
    settled_on(&lattice, 2, 6).await;
    load.answers(200).await;
    let endings = load.end_without_failures().await;
    eprintln!("{servers:?}: drained: {endings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_told_to_stop_while_it_drains_waits_for_nobody() {
    let mut lattice = Lattice::start(program()).await;
    let _other = lattice.machine("a", &[]).await;
    let mut pinned = lattice.machine("b", &["--label", "zone=b"]).await;
    lattice
        .run_with("greeter", "instances = 2\nrequire = { zone = \"b\" }")
        .await;
    let ask = async |verb: &str| {
        let subject = format!("lattice.default.host.b.ctl.{verb}");
        assert_eq!(lattice.request(&subject, "").await.json()["ok"], true);
    };
    let events = lattice.events().await;
    ask("drain").await;
    events.of("host.left", "host/b").await;
    ask("stop").await;
    pinned.prints("actor.stopped").await;
    let ended = pinned.ended().await;
    assert!(ended.status.success(), "{}", ended.text());
    // What it says when it has waited for others to the end.
    assert!(!ended.text().contains("leaving anyway"), "{}", ended.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_hosts_that_join_at_once_each_take_their_share_and_no_call_fails() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("first").await;
    lattice.run_with("greeter", "instances = 22").await;
    let load = Load::callers(&lattice, 4);
    load.answers(50).await;
    let ids: Vec<_> = (0..10).map(|number| format!("h{number}")).collect();
    let mut machines: Vec<_> = ids
        .iter()
        .map(|id| lattice.begin_machine(id, &["--capacity", "100"]))
        .collect();
    for machine in &mut machines {
        machine.joined(&lattice).await;
    }
    eventually("two instances on each of eleven hosts", async || {
        let placement = lattice.placement("greeter").await;
        if placement.len() == 11 && placement.values().all(|slots| *slots == 2) {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
    load.answers(50).await;
    let endings = load.end_without_failures().await;
    eprintln!("ten joined: {endings}");
    let hosts = lattice.control("host.list", json!({})).await;
    assert_eq!(hosts["value"].as_array().map(Vec::len), Some(11), "{hosts}");
}
