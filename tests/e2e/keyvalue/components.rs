//! The same components over each backend, and a backend changed under them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lattice_tests::Lattice;
use serde_json::{Value, json};

use super::STORE;
use super::bucket::{BACKENDS, Stores};
use crate::one_host;

async fn told(lattice: &Lattice, endpoint: String, arguments: Value) -> Value {
    lattice.call(&endpoint, arguments).await.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_of_the_second_draft_works_alike_over_each_backend() {
    let stores = Stores::none().await;
    let lattice = &stores.lattice;
    let actors = BACKENDS.map(|backend| {
        format!(
            "[actor.at-{backend}]\ncomponent = \"swaps\"\n\
             link.\"wasi:keyvalue\".to = \"{backend}\"\n"
        )
    });
    let manifest = format!("{}{}", stores.manifest(), actors.concat());
    lattice.apply(&manifest).await;
    for backend in BACKENDS {
        let actor = format!("at-{backend}");
        let call = async |function: &str, arguments: Value| {
            told(lattice, format!("{actor}.{function}"), arguments).await
        };
        let least = i64::MIN;
        assert_eq!(call("add", json!(["b", "n", -5])).await, json!({"ok": -5}));
        assert_eq!(call("add", json!(["b", "n", 7])).await, json!({"ok": 2}));
        assert_eq!(
            call("add", json!(["b", "m", least])).await,
            json!({"ok": least})
        );
        assert!(call("add", json!(["b", "m", -1])).await["err"].is_string());

        for tries in ["a", "b"].map(|text| call("append", json!(["b", "text", text]))) {
            assert_eq!(tries.await, json!({"ok": 1}), "{backend}");
        }
        let overtaken = call("overtaken", json!(["b", "text", "theirs"])).await;
        assert_eq!(
            overtaken,
            json!({"ok": ["ab", "theirs", "mine"]}),
            "{backend}"
        );
        let overtaken = call("overtaken", json!(["b", "none", "theirs"])).await;
        assert_eq!(
            overtaken,
            json!({"ok": [null, "theirs", "mine"]}),
            "{backend}"
        );
        let large = "x".repeat(10_000);
        call("append", json!(["b", "large", large])).await;
        let size = call("current-size", json!(["b", "large"])).await;
        assert_eq!(size, json!({"ok": 10_000}), "{backend}");

        let many = call("many", json!(["many", ["x", "y"]])).await;
        assert_eq!(many, json!({"ok": [["x", "x"], ["y", null]]}), "{backend}");
        assert_eq!(call("keys", json!(["many"])).await, json!({"ok": ["x"]}));
        let strange = call("page", json!(["many", "strange"])).await;
        assert!(
            strange["err"].as_str().unwrap().contains("cursor"),
            "{strange}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_was_built_before_the_second_draft_changed_works_too() {
    let stores = Stores::none().await;
    let actor = "[actor.early]\ncomponent = \"early-batch\"\n\
        link.\"wasi:keyvalue\".to = \"memory\"\n";
    let lattice = &stores.lattice;
    lattice
        .apply(&format!("{}{actor}", stores.manifest()))
        .await;
    let many = told(lattice, "early.many".to_owned(), json!(["b", ["x", "y"]]));
    assert_eq!(many.await, json!({"ok": ["x", null]}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_is_changed_by_one_line_while_the_actor_and_the_provider_run_on() {
    let stores = Stores::none().await;
    let lattice = &stores.lattice;
    let manifest = |backend: &str| {
        format!(
            "name = \"app\"\n[actor.buckets]\ncomponent = \"buckets\"\n\
             link.\"wasi:keyvalue\".to = \"kv\"\n\
             [provider.kv]\nkind = \"keyvalue\"\nconfig = {}\n",
            stores.config(backend)
        )
    };
    lattice.apply(&manifest("memory")).await;
    let put = json!(["b", "k", "v"]);
    let done = told(lattice, "buckets.put".to_owned(), put.clone()).await;
    assert_eq!(done, json!({"ok": null}));
    let events = lattice.events().await;
    let pid = lattice.provider_pid("kv").await;
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let calls = async {
        while !stop.load(Ordering::Relaxed) {
            let answer = told(lattice, "buckets.get".to_owned(), json!(["b", "k"])).await;
            assert!(answer.get("ok").is_some(), "{answer}");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    let changes = async {
        for backend in ["redis", "file", "nats", "memory"] {
            lattice.apply(&manifest(backend)).await;
            let none = told(lattice, "buckets.get".to_owned(), json!(["b", "k"])).await;
            assert_eq!(
                none,
                json!({"ok": null}),
                "another store, which has nothing yet"
            );
            let put = told(lattice, "buckets.put".to_owned(), put.clone()).await;
            assert_eq!(put, json!({"ok": null}), "{backend}");
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(calls, changes);
    assert!(answered.load(Ordering::Relaxed) > 0);
    assert_eq!(lattice.provider_pid("kv").await, pid);
    let of_actors = |event: &Value| event["subject"] == "actor/buckets";
    let touched: Vec<_> = events.so_far().into_iter().filter(of_actors).collect();
    assert_eq!(touched, Vec::<Value>::new());
    let stored = stores.redis.say("GET lattice:default:kv:b:k\r\n").await;
    assert_eq!(stored.unwrap(), "$1\r\nv\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_link_denies_its_actor_everything_is_in_the_log_of_the_actor() {
    let lattice = one_host().await;
    let logs = lattice.logs().await;
    let actor = "[actor.buckets]\ncomponent = \"buckets\"\n\
        [actor.buckets.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbuket = \"b\"\n";
    lattice.apply(&format!("{STORE}{actor}")).await;
    let denied = told(&lattice, "buckets.get".to_owned(), json!(["b", "k"])).await;
    assert_eq!(denied, json!({"err": "access denied"}));
    let line = logs.with("buckets", "denies access").await;
    let line = line["message"].as_str().unwrap();
    assert!(
        line.contains("a link has no \"buket\": use one of bucket"),
        "{line}"
    );
}
