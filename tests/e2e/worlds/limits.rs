//! What a guest can take of its host in one call.

use lattice_tests::Lattice;
use serde_json::json;

use super::{failed, tries};
use crate::one_host;

async fn worlds(settings: &str) -> Lattice {
    let lattice = one_host().await;
    lattice.run_with("worlds", settings).await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_gets_so_much_randomness_in_all_and_the_next_as_much_again() {
    let lattice = worlds("instance = \"reuse\"").await;
    const HALF: u32 = 512 * 1024;
    for _ in 0..3 {
        lattice.call("worlds.random", json!([1, HALF])).await.text();
    }
    let failure = lattice
        .call("worlds.random", json!([3, HALF]))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    let words = "of limits.random_bytes = 1048576";
    assert!(failure.message.contains(words), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_randomness_of_a_call_is_settable_and_holds_for_the_insecure_kind() {
    let lattice = worlds("limits = { random_bytes = 2048 }").await;
    assert_eq!(
        tries(&lattice, "insecure-random", json!([1024])).await,
        1024
    );
    let failure = lattice
        .call("worlds.insecure-random", json!([4096]))
        .await
        .failure();
    assert!(
        failure.message.contains("limits.random_bytes = 2048"),
        "{failure:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_holds_so_many_handles_and_no_more() {
    let lattice = worlds("limits = { handles = 100 }").await;
    lattice.call("worlds.hold", json!([50])).await.text();
    let failure = lattice.call("worlds.hold", json!([200])).await.failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_hands_over_so_much_at_once_and_no_more() {
    let lattice = worlds("limits = { payload_bytes = 16384 }").await;
    lattice.call("worlds.log-bytes", json!([1024])).await.text();
    let failure = lattice
        .call("worlds.log-bytes", json!([1_000_000]))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_with_more_table_than_its_actor_may_have_does_not_start() {
    let lattice = one_host().await;
    let manifest = |limits: &str| {
        format!("name = \"app\"\n[actor.wide-table]\ncomponent = \"wide-table\"\n{limits}")
    };
    lattice.try_apply(&manifest("")).await.unwrap();
    let reason = failed(&lattice, "a").await;
    assert!(reason.contains("table"), "{reason}");
    lattice
        .apply(&manifest("limits = { table_elements = 100_000 }"))
        .await;
    assert_eq!(lattice.call("wide-table.one", json!([])).await.json(), 1);
}
