//! The one suite that all backends pass.

use std::collections::BTreeSet;

use lattice_tests::eventually;
use serde_json::json;

use super::bucket::{BACKENDS, BINARY, EMPTY, SEVEN, Stores, everywhere};

/// Keys that mean something to NATS, to JetStream, or to neither.
const ODD_KEYS: [&str; 12] = [
    "",
    " ",
    "a b",
    ".",
    "a..b.",
    "a/b",
    ">",
    "*",
    "a.*.>",
    "ключ🦀",
    "_kv",
    "=20",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_written_read_and_removed() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let (get, set) = ("store.bucket.get", "store.bucket.set");
        let (exists, delete) = ("store.bucket.exists", "store.bucket.delete");
        bucket.gives(get, (b, "k"), ()).await;
        bucket.gives(exists, (b, "k"), false).await;
        bucket.gives(delete, (b, "k"), ()).await;
        for value in [BINARY, EMPTY] {
            bucket.gives(set, (b, "k", &value), ()).await;
            bucket.gives(get, (b, "k"), &value).await;
            bucket.gives(exists, (b, "k"), true).await;
        }
        bucket.gives(delete, (b, "k"), ()).await;
        bucket.gives(get, (b, "k"), ()).await;
        bucket.gives(exists, (b, "k"), false).await;
        assert_eq!(bucket.keys().await, (vec![], 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_added_to_and_what_is_none_is_left_as_it_was() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let (get, set) = ("store.bucket.get", "store.bucket.set");
        let increment = "atomics.increment";
        bucket.gives(increment, (b, "new", 7u64), 7u64).await;
        bucket.gives(get, (b, "new"), &SEVEN).await;
        bucket.gives(increment, (b, "new", 0u64), 7u64).await;
        bucket.gives(set, (b, "set", &SEVEN), ()).await;
        bucket.gives(increment, (b, "set", 5u64), 12u64).await;
        for (key, value) in [("binary", &BINARY), ("empty", &EMPTY)] {
            bucket.gives(set, (b, key, value), ()).await;
            let refused = bucket.value(increment, (b, key, 1u64)).await;
            assert!(refused["err"]["other"].is_string(), "{refused}");
            bucket.gives(get, (b, key), value).await;
        }
        let below = bucket.value(increment, (b, "set", -1i64)).await;
        assert!(below["err"]["other"].is_string(), "{below}");
        bucket
            .gives(increment, (b, "set", -20i64, true), -8i64)
            .await;
        let negative = bucket.value(increment, (b, "set", 7u64)).await;
        assert!(negative["err"]["other"].is_string(), "{negative}");
        bucket
            .gives(increment, (b, "set", 20i64, true), 12i64)
            .await;
        let rest = u64::MAX - 12;
        bucket.gives(increment, (b, "set", rest), u64::MAX).await;
        for refused in [
            bucket.value(increment, (b, "set", 1u64)).await,
            bucket.value(increment, (b, "set", 0i64, true)).await,
        ] {
            assert!(refused["err"]["other"].is_string(), "{refused}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_are_written_read_and_removed_in_one_call() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let pairs = [("a", &BINARY), ("b", &EMPTY), ("a", &SEVEN)];
        bucket.gives("batch.set-many", (b, pairs), ()).await;
        let found = [Some(("b", &EMPTY)), None, Some(("a", &SEVEN))];
        let keys = ["b", "c", "a"];
        bucket.gives("batch.get-many", (b, keys), found).await;
        bucket.gives("batch.delete-many", (b, ["a", "c"]), ()).await;
        let found = [Some(("b", &EMPTY)), None, None];
        bucket.gives("batch.get-many", (b, keys), found).await;
        let none: [&str; 0] = [];
        bucket.gives("batch.get-many", (b, none), none).await;
        let many: Vec<_> = (0..1001).map(|at| at.to_string()).collect();
        let refused = bucket.value("batch.get-many", (b, many)).await;
        assert!(refused["err"]["other"].is_string(), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_text_is_a_key_and_no_two_are_the_same() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let increment = "atomics.increment";
        for (at, key) in (1u64..).zip(ODD_KEYS) {
            bucket.gives(increment, (b, key, at), at).await;
        }
        for (at, key) in (1u64..).zip(ODD_KEYS) {
            bucket.gives(increment, (b, key, 0u64), at).await;
        }
        let (keys, _) = bucket.keys().await;
        let keys: BTreeSet<_> = keys.iter().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(ODD_KEYS));
        bucket.gives("batch.delete-many", (b, ODD_KEYS), ()).await;
        assert_eq!(bucket.keys().await.0, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_listed_page_by_page_each_once() {
    everywhere(async |bucket| {
        let keys: Vec<_> = (0..1500).map(|at| format!("key-{at:04}")).collect();
        for part in keys.chunks(100) {
            let pairs: Vec<_> = part.iter().map(|key| (key, &SEVEN)).collect();
            let arguments = (bucket.name, pairs);
            bucket.gives("batch.set-many", arguments, ()).await;
        }
        let (mut listed, pages) = bucket.keys().await;
        listed.sort();
        if bucket.provider == "redis" {
            // It promises no more than that each comes at least once.
            listed.dedup();
        }
        assert_eq!(listed, keys, "{}", bucket.provider);
        assert!(pages > 1, "{}", bucket.provider);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_takes_place_only_where_nobody_wrote_since() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let (swap, set) = ("atomics.swap", "store.bucket.set");
        for key in ["new", "old"] {
            if key == "old" {
                bucket.gives(set, (b, key, &BINARY), ()).await;
            }
            let first = bucket.version(key).await;
            bucket.gives(swap, (b, key, &first, &SEVEN), ()).await;
            bucket.gives("store.bucket.get", (b, key), &SEVEN).await;
            let late = bucket.ask(swap, (b, key, &first, &EMPTY)).await;
            let failed = bucket.encode_failed(&bucket.version(key).await, &SEVEN);
            assert_eq!(late.payload, failed, "{}", bucket.provider);
            let second = bucket.version(key).await;
            bucket.gives("store.bucket.delete", (b, key), ()).await;
            let gone = bucket.value(swap, (b, key, &second, &EMPTY)).await;
            assert!(gone["err"]["cas-failed"]["value"].is_null(), "{gone}");
            let again = gone["err"]["cas-failed"]["version"].as_str().unwrap();
            bucket.gives(swap, (b, key, again, &EMPTY), ()).await;
            bucket.gives("store.bucket.get", (b, key), &EMPTY).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_and_a_value_may_be_is_the_same_everywhere() {
    everywhere(async |bucket| {
        let b = bucket.name;
        let longest = "\u{1f980}".repeat(256);
        bucket
            .gives("store.bucket.set", (b, &longest, &SEVEN), ())
            .await;
        bucket
            .gives("store.bucket.get", (b, &longest), &SEVEN)
            .await;
        assert_eq!(bucket.keys().await.0, [&*longest]);
        let longer = format!("{longest}x");
        let told = "the key has 1025 bytes: at most 1024 are taken";
        let refused = bucket.value("store.bucket.get", (b, longer)).await;
        assert_eq!(refused, json!({"err": {"other": told}}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_bucket_that_the_link_does_not_let_be_made_is_no_such_store() {
    let stores = Stores::none().await;
    let actors = BACKENDS.map(|backend| {
        format!(
            "[actor.at-{backend}]\ncomponent = \"buckets\"\n\
             link.\"wasi:keyvalue\" = {{ to = \"{backend}\", create = false }}\n"
        )
    });
    let lattice = &stores.lattice;
    let manifest = format!("{}{}", stores.manifest(), actors.concat());
    lattice.apply(&manifest).await;
    for backend in BACKENDS {
        let put = async |value: &str| {
            let arguments = json!(["later", "k", value]);
            let reply = lattice.call(&format!("at-{backend}.put"), arguments).await;
            reply.json()
        };
        eventually("the link's config is known", async || {
            match put("v").await {
                refused if refused == json!({"err": "no such store"}) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        let open = format!("{backend}.wasi:keyvalue/store.open");
        let made = lattice.call(&open, json!(["later"])).await;
        assert_eq!(made.json(), json!({"ok": null}), "{backend}");
        assert_eq!(put("v").await, json!({"ok": null}), "{backend}");
    }
}
