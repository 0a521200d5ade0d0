//! What is stored of keys: how long it is worth something, and what comes of records that are none.

use lattice_protocol::digest::Digest;
use lattice_tests::{Lattice, eventually};
use serde_json::json;

use super::{issue, ok, two_hosts, validate};

/// Writes a record beside the service, as any client of the store can.
async fn put(lattice: &Lattice, key: &str, record: &str) -> String {
    let id = Digest::of(key.as_bytes()).hex().to_owned();
    let bytes = record.as_bytes();
    let put = lattice
        .call("kv.bucket.set", json!(["keys", id, bytes]))
        .await;
    assert_eq!(put.json(), json!({"ok": null}));
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_good_until_it_expires_and_is_swept_away_after() {
    let (lattice, address) = two_hosts().await;
    let good = issue(&lattice, "alice", 3600).await;
    let short = issue(&lattice, "bob", 1).await;
    put(&lattice, "of old", r#"{"user_id":"carol","expires_at":1}"#).await;
    let answer = validate(address, "of old").await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.body["reason"], "expired");
    let direct = lattice.call("auth.validate", json!(["of old"])).await;
    assert_eq!(direct.json(), json!({"err": {"expired": 1}}));
    eventually("the key of one second expires", async || {
        let answer = validate(address, &short).await;
        if answer.body["reason"] == "expired" {
            Ok(())
        } else {
            Err(answer)
        }
    })
    .await;
    let swept = ok(&lattice, "sweep", json!([null])).await;
    assert_eq!(swept, json!({"removed": 2, "cursor": null}));
    assert_eq!(
        validate(address, &short).await.body["reason"],
        "unknown key"
    );
    assert_eq!(validate(address, &good).await.status, 200);
    for (arguments, words) in [
        (json!(["alice", 0]), "ttl-s is 0: give 1 to"),
        (json!(["alice", u64::MAX]), "ten years"),
        (json!([" ", 60]), "a user is 1 to 256 bytes"),
        (json!(["a\nb", 60]), "no control characters"),
    ] {
        let refused = lattice.call("auth.issue", arguments).await.json();
        assert!(
            refused["err"].as_str().unwrap().contains(words),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_record_is_a_500_with_words_and_a_line_in_the_log_and_harms_no_other_key() {
    let (lattice, address) = two_hosts().await;
    let logs = lattice.logs().await;
    let good = issue(&lattice, "alice", 3600).await;
    let huge = format!("{{\"user_id\":\"{}", "x".repeat(100_000));
    let deep = "[".repeat(100_000);
    for (key, record) in [
        ("empty", ""),
        ("no json", "\u{0}\u{1}"),
        ("another shape", r#"{"user_id":7,"expires_at":"soon"}"#),
        ("negative", r#"{"user_id":"a","expires_at":-1}"#),
        ("cut off", &huge),
        ("deep", &deep),
    ] {
        let id = put(&lattice, key, record).await;
        let answer = validate(address, key).await;
        assert_eq!(answer.status, 500, "{key}: {answer:?}");
        let words = answer.body["error"].as_str().unwrap();
        assert!(words.contains("can't be read"), "{key}: {words}");
        let line = logs.with("auth", &id).await;
        assert_eq!(line["level"], "warn", "{line}");
        assert_eq!(validate(address, &good).await.status, 200, "after {key}");
        ok(&lattice, "revoke-id", json!([id])).await;
        assert_eq!(validate(address, key).await.status, 401, "{key}");
    }
}
