//! Several links of one interface: the actor's choice of a name is a choice of a link.

use lattice_tests::eventually;
use serde_json::json;

use super::confirmed::executed;
use super::pair::Wire;
use crate::one_host;

const MANIFEST: &str = r#"
    name = "stores"
    [actor.buckets]
    component = "buckets"
    [actor.buckets.link."wasi:keyvalue".default]
    to = "first"
    [actor.buckets.link."wasi:keyvalue".cache]
    to = "second"
    [provider.first]
    kind = "keyvalue"
    [provider.second]
    kind = "keyvalue"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_a_bucket_picks_the_link_of_that_name_and_else_the_default() {
    let lattice = one_host().await;
    lattice.apply(MANIFEST).await;
    let mut wire = Wire::listen(lattice.plain()).await;
    for (bucket, used, other) in [
        ("cache", "second", "first"),
        ("default", "first", "second"),
        ("anything-else", "first", "second"),
    ] {
        let put = json!([bucket, "k", bucket]);
        eventually("the store is there", async || {
            match lattice.call("buckets.put", put.clone()).await.json() {
                put if put == json!({"ok": null}) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        assert_only(&wire.calls(), used, other);
        let got = executed(&lattice, "buckets.get", json!([bucket, "k"])).await;
        assert_eq!(got, json!({"ok": bucket}));
        assert_only(&wire.calls(), used, other);
    }
}

/// Asserts that of two stores only one was called.
fn assert_only(seen: &[String], used: &str, other: &str) {
    let was_called = |store: &str| {
        let part = format!(".call.{store}.");
        seen.iter().any(|subject| subject.contains(&part))
    };
    assert!(was_called(used), "{used}: {seen:?}");
    assert!(!was_called(other), "{other}: {seen:?}");
}
