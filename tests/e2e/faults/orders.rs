//! Orders of every kind that contradict each other, all at once.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::program;

/// Each with a connection of its own.
const CLIENTS: usize = 20;
const ORDERS_EACH: usize = 3;

/// An app of one actor, which is linked to itself so that there is a link to change.
fn manifest(component: &str, instances: usize) -> String {
    format!(
        "name = \"app\"\n[actor.hopper]\ncomponent = \"{component}\"\ninstances = {instances}\n\
         [actor.hopper.link.\"lattice:test\"]\nto = \"hopper\"\n"
    )
}

/// The orders of one client: no two clients give the same in the same place.
fn order(component: &str, client: usize, number: usize) -> (&'static str, Value) {
    let instances = 1 + (client * ORDERS_EACH + number) % 16;
    // A revision that may have been, so that some are met and most are not.
    let revision = client.is_multiple_of(3).then_some(number as u64 * 7);
    let (verb, mut order) = match (client + number) % 6 {
        0 | 1 => (
            "app.apply",
            json!({"manifest": manifest(component, instances)}),
        ),
        2 => ("app.delete", json!({"name": "app"})),
        3 => ("actor.stop", json!({"name": "hopper"})),
        4 => (
            "actor.update",
            json!({"name": "hopper", "config": {"by": format!("{client}-{number}")}}),
        ),
        _ => (
            "link.put",
            json!({"source": "hopper", "interface": "lattice:test", "target": "hopper",
                "config": {"by": format!("{client}-{number}")}}),
        ),
    };
    if let Some(revision) = revision {
        order["if_revision"] = json!(revision);
    }
    (verb, order)
}

async fn give(client: &async_nats::Client, verb: &str, order: &Value) -> Value {
    let subject = format!("lattice.default.ctl.{verb}");
    let reply = client.request(subject, order.to_string().into()).await;
    serde_json::from_slice(&reply.unwrap().payload).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_every_kind_at_once_leave_what_one_of_them_said() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    let component = lattice.push("loop-back").await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(lattice.nats().plain_client().await);
    }
    let unknown = AtomicBool::new(false);
    let orders = clients
        .iter()
        .enumerate()
        .map(async |(client, connection)| {
            let mut taken = Vec::new();
            for number in 0..ORDERS_EACH {
                let (verb, order) = order(&component, client, number);
                let reply = give(connection, verb, &order).await;
                match reply["error"]["code"].as_str() {
                    None => taken.push((reply["value"]["revision"].as_u64().unwrap(), verb, reply)),
                    Some("conflict" | "not-found") => {}
                    // Too many at once for this machine: it may have been carried out.
                    Some("unavailable") => unknown.store(true, Ordering::Relaxed),
                    Some(_) => panic!("{verb} {order}: {reply}"),
                }
            }
            taken
        });
    let taken = join_all(orders).await.into_iter().flatten();
    // What changed nothing was true at its revision, and is no order of its own.
    let mut taken: Vec<_> = taken
        .filter(|(_, _, reply)| reply["value"]["changes"] != json!([]))
        .collect();
    taken.sort_by_key(|(revision, ..)| *revision);
    let revisions: Vec<_> = taken.iter().map(|(revision, ..)| *revision).collect();
    let mut distinct = revisions.clone();
    distinct.dedup();
    assert_eq!(revisions, distinct, "each order has a revision of its own");

    let (last, verb, reply) = taken.last().unwrap();
    let listed = lattice.control("app.list", json!({})).await;
    let app = &listed["value"][0];
    if unknown.into_inner() {
        eprintln!(
            "what became of some orders is not known: what the last one said is not compared"
        );
    } else if matches!(*verb, "app.delete" | "actor.stop") {
        assert_eq!(listed["value"], json!([]), "{reply}");
    } else {
        assert_eq!(app["revision"], *last, "{reply}: {listed}");
    }
    runs_as_declared(&lattice).await;

    // And it takes the next order as if nothing had been.
    lattice.try_apply(&manifest("loop-back", 3)).await.unwrap();
    runs_as_declared(&lattice).await;
    let hops = lattice.call("hopper.hop", json!([2])).await;
    assert_eq!(hops.json(), json!(2));
}

/// Waits until what runs is what the actor's declaration says.
async fn runs_as_declared(lattice: &Lattice) {
    eventually("what is declared runs", async || {
        let actors = lattice.control("actor.list", json!({})).await["value"].clone();
        let wanted = actors[0]["wanted"].as_u64().unwrap_or(0);
        let placed = lattice.placement("hopper").await;
        match u64::from(placed.values().sum::<u32>()) == wanted {
            true => Ok(()),
            false => Err((actors, placed)),
        }
    })
    .await;
}
