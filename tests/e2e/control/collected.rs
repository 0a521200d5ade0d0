//! Components that nothing needs any more, removed by the host that leads.

use lattice_protocol::digest::Digest;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use super::value;
use crate::program;

/// What is stored of these two, with what refers to each.
async fn stored(lattice: &Lattice, digests: [&str; 2]) -> [Option<Value>; 2] {
    let all = value(lattice, "artifact.list", json!({})).await;
    let all = all.as_array().unwrap();
    digests.map(|digest| {
        let found = all.iter().find(|one| one["digest"] == digest);
        found.map(|one| one["used_by"].clone())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_removes_what_nothing_needs_and_keeps_what_a_revision_needs() {
    let mut lattice = Lattice::start(program()).await;
    let _machine = lattice.machine("a", &["--component-grace", "10"]).await;
    let (unused, needed) = (lattice.push("hasher").await, lattice.push("greeter").await);
    lattice.run_with("greeter", "instances = 1").await;
    value(&lattice, "actor.stop", json!({ "name": "greeter" })).await;
    eventually("the unused one is gone", async || {
        match stored(&lattice, [&unused, &needed]).await {
            [None, Some(used_by)] => Ok(used_by),
            other => Err(other),
        }
    })
    .await;
    // A revision to go back to is as good as an app.
    let needed_digest = needed.clone();
    let [_, needed] = stored(&lattice, [&unused, &needed]).await;
    let needed = needed.expect("a revision needs it").to_string();
    assert!(needed.contains("revision"), "{needed}");
    // By now it is as old as what goes next.
    let next = lattice.push("counter").await;
    eventually("the next unused one is gone", async || {
        match stored(&lattice, [&next, &needed_digest]).await {
            [None, Some(_)] => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_sweeps_what_a_push_left_that_never_ended_and_nothing_else() {
    let mut lattice = Lattice::start(program()).await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    let (left, whole) = (vec![1; 300_000], vec![2; 300_000]);
    // Both ended before their record was written: the one of what is there, and the one of what is not.
    let kept = artifacts.push(&whole).await.unwrap();
    for bytes in [&left, &whole] {
        let read = artifacts.records().find(&Digest::of(bytes)).await.unwrap();
        artifacts.records().store(&read, bytes).await.unwrap();
    }
    assert_eq!(artifacts.records().unnamed().await.unwrap().len(), 2);
    let _machine = lattice.machine("a", &["--component-grace", "2"]).await;
    eventually("what they left is gone", async || {
        let unnamed = artifacts.records().unnamed().await.unwrap();
        match unnamed.is_empty() {
            true => Ok(()),
            false => Err(unnamed),
        }
    })
    .await;
    assert_eq!(artifacts.pull(&kept).await.unwrap(), whole);
    let listed = artifacts.list().await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|one| one.summary.digest).collect();
    assert_eq!(listed, [kept]);
}
