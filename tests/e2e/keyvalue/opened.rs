//! Buckets that components open in every call.

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use serde_json::json;

use super::STORE;
use crate::one_host;

/// How often the actor is called: more often than a bucket has to be asked for.
const CALLS: usize = 20;
/// What every call to the provider begins with.
const CALL: &str = "lattice.default.call.kv.wasi:keyvalue/store.";
const ACTOR: &str =
    "[actor.buckets]\ncomponent = \"buckets\"\nlink.\"wasi:keyvalue\".to = \"kv\"\n";

/// The operations that the provider was asked for since the last time.
async fn asked(client: &async_nats::Client, calls: &mut Subscriber) -> Vec<String> {
    let end = format!("{CALL}end");
    client.publish(end.clone(), "".into()).await.unwrap();
    let mut asked = Vec::new();
    loop {
        match calls.next().await.unwrap().subject.as_str() {
            last if last == end => return asked,
            subject => asked.push(subject.strip_prefix(CALL).unwrap().to_owned()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_was_just_opened_is_asked_for_again_once_an_operation_on_it_failed() {
    let mut lattice = one_host().await;
    lattice.apply(&format!("{STORE}{ACTOR}")).await;
    let client = lattice.nats().plain_client().await;
    let mut calls = client.subscribe(format!("{CALL}>")).await.unwrap();
    asked(&client, &mut calls).await;
    let put_in = async |bucket: &str, key: &str| {
        let put = lattice.call("buckets.put", json!([bucket, key, "v"]));
        put.await.json()
    };
    let put = async |key: &str| put_in("b", key).await;

    for _ in 0..CALLS {
        assert_eq!(put("k").await, json!({"ok": null}));
    }
    let operations = asked(&client, &mut calls).await;
    let count = |of: &str| operations.iter().filter(|asked| *asked == of).count();
    assert_eq!(operations.first().unwrap(), "open");
    assert_eq!(count("bucket.set"), CALLS);
    assert!(count("open") < CALLS / 2, "{operations:?}");

    let refused = put(&"k".repeat(2_000)).await;
    assert!(refused["err"].is_string(), "{refused}");
    asked(&client, &mut calls).await;
    assert_eq!(put("k").await, json!({"ok": null}));
    let again = ["open", "bucket.set"].map(str::to_owned);
    assert_eq!(asked(&client, &mut calls).await, again);

    let refused = put_in(&"b".repeat(257), "k").await;
    assert!(
        refused["err"].as_str().unwrap().contains("at most 256"),
        "{refused}"
    );
    assert_eq!(asked(&client, &mut calls).await, Vec::<String>::new());
}
