//! Each call runs from its start to its end on one revision, whatever is rolled out meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use lattice_tests::{Lattice, eventually, guest};
use serde_json::json;

use crate::program;

/// How many revisions follow each other under the calls.
const REVISIONS: u64 = 24;
/// Every so many of them has another component.
const COMPONENT_EVERY: u64 = 4;
/// So many callers, each with one call at a time.
const CALLERS: usize = 8;
/// How long a call is between its two looks: about as long as a revision takes to roll out.
const BETWEEN_MS: u64 = 100;

/// The same guest as another component: what tells them apart is a section of no meaning.
fn variant(number: u64) -> Vec<u8> {
    let mut bytes = guest::bytes("worlds");
    let name = b"variant";
    let text = number.to_string();
    let length = |of: usize| u8::try_from(of).expect("it is short");
    bytes.extend([0, length(1 + name.len() + text.len()), length(name.len())]);
    bytes.extend(name);
    bytes.extend(text.as_bytes());
    bytes
}

async fn update(lattice: &Lattice, number: u64) {
    let mut order = json!({"name": "worlds", "config": {"number": number.to_string()}});
    if number.is_multiple_of(COMPONENT_EVERY) {
        let artifacts = lattice.client().artifacts().await.unwrap();
        let digest = artifacts.push(&variant(number)).await.unwrap();
        order["component"] = json!(digest);
    }
    let updated = lattice.control("actor.update", order).await;
    assert_eq!(updated["ok"], true, "{updated}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_sees_one_revision_however_many_are_rolled_out_under_it() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    let settings = "instances = 16\nconfig = { number = \"0\" }";
    lattice.run_with("worlds", settings).await;
    let done = AtomicBool::new(false);
    let twice = async || {
        let asked = json!(["number", BETWEEN_MS]);
        let seen = lattice.call("worlds.config-twice", asked).await.json();
        assert!(seen[0].is_string() && seen[0] == seen[1], "{seen}");
        seen[0].clone()
    };
    let caller = async || {
        let mut seen = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            seen.insert(twice().await.to_string());
        }
        seen
    };
    let updates = async {
        for number in 1..=REVISIONS {
            update(&lattice, number).await;
            eventually("the revision answers", async || {
                // A look of its own, that waits for nothing between.
                let look = json!(["number", 0]);
                let seen = lattice.call("worlds.config-twice", look).await.json();
                match seen[0] == json!(number.to_string()) {
                    true => Ok(()),
                    false => Err(seen),
                }
            })
            .await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let callers = join_all((0..CALLERS).map(|_| caller()));
    let (seen, ()) = tokio::join!(callers, updates);
    let seen: BTreeSet<_> = seen.into_iter().flatten().collect();
    // They did run while revisions came and went.
    assert!(seen.len() > 2, "{seen:?}");
}
