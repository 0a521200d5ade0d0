//! Actors that hear of changes: alike over every backend.

use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{Error, Pair, Set, Value};
use lattice_tests::eventually;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::bucket::{BACKENDS, Stores};
use crate::one_host;

/// The most keys that are read in one call.
const KEYS_MAX: usize = 1000;

/// What the guest says it heard, in order.
type Lines = Vec<String>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A store that an actor watches: the keys below `in/` of one bucket.
struct Watched<'a> {
    stores: &'a Stores,
    backend: &'static str,
}

impl<'a> Watched<'a> {
    /// Each backend of `backends` with an actor that watches it, which hears already.
    async fn all(stores: &'a Stores, backends: &[&'static str]) -> Vec<Self> {
        let actors = backends.iter().map(|backend| {
            format!(
                "[actor.at-{backend}]\ncomponent = \"watcher\"\n\
                 link.\"wasi:keyvalue\" = {{ to = \"{backend}\", bucket = \"b\", watch = \"in/\" }}\n"
            )
        });
        let manifest = format!("{}{}", stores.manifest(), actors.collect::<String>());
        stores.lattice.apply(&manifest).await;
        let mut all = Vec::new();
        for backend in backends {
            let watched = Self { stores, backend };
            eventually("the actor hears", async || {
                watched.set("in/begin", "x").await;
                match watched.heard().await {
                    none if none.is_empty() => Err("nothing heard"),
                    _ => Ok(()),
                }
            })
            .await;
            all.push(watched);
        }
        all
    }

    async fn ask(&self, operation: &str, arguments: serde_json::Value) -> serde_json::Value {
        let endpoint = format!("{}.wasi:keyvalue/{operation}", self.backend);
        let answer = self.stores.lattice.call(&endpoint, arguments).await.json();
        assert!(answer.get("ok").is_some(), "{operation}: {answer}");
        answer
    }

    async fn set(&self, key: &str, value: &str) {
        self.ask("store.bucket.set", json!(["b", key, value.as_bytes()]))
            .await;
    }

    /// What it heard so far.
    async fn heard(&self) -> Lines {
        let Value(count) = self.read("store.bucket.get", &("b", "heard")).await;
        let count = count.map_or(0, |count| text(&count).parse().unwrap());
        let keys: Vec<_> = (1..=count).map(|at| format!("heard/{at}")).collect();
        let mut heard = Lines::new();
        for keys in keys.chunks(KEYS_MAX) {
            let found: Vec<Option<Pair>> = self.read("batch.get-many", &("b", keys)).await;
            // One that was counted may still be on its way.
            heard.extend(found.iter().flatten().map(|Pair(_, line)| text(line)));
        }
        heard
    }

    async fn read<T: DeserializeOwned>(&self, operation: &str, arguments: &impl Serialize) -> T {
        let subject = format!(
            "lattice.default.call.{}.wasi:keyvalue/{operation}",
            self.backend
        );
        let asked = rmp_serde::to_vec(arguments).unwrap();
        let reply = self.stores.lattice.request(&subject, asked).await;
        let found: WitResult<T, Error> = rmp_serde::from_slice(&reply.payload).unwrap();
        Result::from(found).unwrap()
    }

    /// Waits until it has heard this.
    async fn hears(&self, line: &str) {
        eventually(&format!("{} tells {line}", self.backend), async || {
            let heard = self.heard().await;
            match heard.iter().any(|heard| heard == line) {
                true => Ok(()),
                false => Err(heard),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_hears_of_every_kind_of_write_to_the_keys_it_watches_and_of_no_others() {
    let stores = Stores::none().await;
    for watched in Watched::all(&stores, &BACKENDS).await {
        watched.set("other", "x").await;
        watched.set("in/set", "1").await;
        watched.hears("in/set=1").await;
        watched
            .ask("store.bucket.delete", json!(["b", "in/set"]))
            .await;
        watched.hears("in/set-").await;
        watched
            .ask("atomics.increment", json!(["b", "in/sum", 7]))
            .await;
        watched.hears("in/sum=7").await;
        let pairs = json!(["b", [["in/one", [49]], ["in/two", [50]]]]);
        watched.ask("batch.set-many", pairs).await;
        watched.hears("in/one=1").await;
        watched.hears("in/two=2").await;
        let version = watched.ask("atomics.cas.new", json!(["b", "in/new"])).await;
        let version = version["ok"]["version"].clone();
        let swap = json!(["b", "in/new", version, [51]]);
        watched.ask("atomics.swap", swap).await;
        watched.hears("in/new=3").await;
        let heard = watched.heard().await;
        assert!(
            heard.iter().all(|line| line.starts_with("in/")),
            "{}: {heard:?}",
            watched.backend
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_key_the_last_state_is_heard_and_never_an_older_one_after_a_newer() {
    let stores = Stores::none().await;
    for watched in Watched::all(&stores, &BACKENDS).await {
        for value in 1..=100 {
            watched.set("in/k", &value.to_string()).await;
        }
        watched.hears("in/k=100").await;
        let heard = watched.heard().await;
        let values = heard.iter().filter_map(|line| line.strip_prefix("in/k="));
        let values: Vec<u32> = values.map(|value| value.parse().unwrap()).collect();
        assert!(values.is_sorted(), "{}: {values:?}", watched.backend);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_was_away_hears_of_what_it_missed() {
    let stores = Stores::none().await;
    let all = Watched::all(&stores, &BACKENDS).await;
    let scale = async |watched: &Watched<'_>, instances: u32| {
        let name = format!("at-{}", watched.backend);
        let lattice = &stores.lattice;
        lattice
            .control(
                "actor.scale",
                json!({ "name": name, "instances": instances }),
            )
            .await;
        eventually("so many run", async || {
            let running: u32 = lattice.placement(&name).await.values().sum();
            match running == instances {
                true => Ok(()),
                false => Err(running),
            }
        })
        .await;
    };
    for watched in &all {
        scale(watched, 0).await;
        watched.set("in/missed", "first").await;
        watched.set("in/missed", "last").await;
        watched.set("in/gone", "x").await;
        watched
            .ask("store.bucket.delete", json!(["b", "in/gone"]))
            .await;
    }
    for watched in &all {
        scale(watched, 1).await;
        watched.hears("in/missed=last").await;
        watched.hears("in/gone-").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_over_which_the_actor_fails_each_time_does_not_hide_the_next() {
    let stores = Stores::none().await;
    let all = Watched::all(&stores, &BACKENDS).await;
    for watched in &all {
        watched.set("in/bad", "poison").await;
        watched.set("in/good", "x").await;
    }
    for watched in &all {
        watched.hears("in/good=x").await;
        let heard = watched.heard().await;
        assert!(
            !heard.iter().any(|line| line.contains("poison")),
            "{heard:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_copies_one_tells_and_what_another_wrote_is_told_too() {
    let mut stores = Stores::none().await;
    stores.spread().await;
    let manifest = stores.manifest();
    let watcher = "[actor.at-nats]\ncomponent = \"watcher\"\n\
        link.\"wasi:keyvalue\" = { to = \"nats\", bucket = \"b\", watch = \"in/\" }\n";
    let copies = manifest.replace("[provider.nats]\n", "[provider.nats]\ncopies = 2\n");
    stores.lattice.apply(&format!("{copies}{watcher}")).await;
    let watched = Watched {
        stores: &stores,
        backend: "nats",
    };
    eventually("the actor hears", async || {
        watched.set("in/begin", "x").await;
        match watched.heard().await {
            none if none.is_empty() => Err("nothing heard"),
            _ => Ok(()),
        }
    })
    .await;
    // By either copy, and past both.
    for at in 0..50 {
        watched.set(&format!("in/{at}"), "x").await;
    }
    let foreign = "$KV.kv_default_nats_b.in/foreign";
    let plain = stores.lattice.plain();
    plain.publish(foreign, "y".into()).await.unwrap();
    watched.hears("in/foreign=y").await;
    let heard = watched.heard().await;
    for at in 0..50 {
        let line = format!("in/{at}=x");
        let times = heard.iter().filter(|heard| **heard == line).count();
        // Twice where the one that tells was followed by the other.
        assert!((1..=2).contains(&times), "{line} in {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_to_jetstream_while_its_provider_was_dead_is_told_by_the_next() {
    let stores = Stores::none().await;
    let all = Watched::all(&stores, &["nats"]).await;
    let lattice = &stores.lattice;
    let pid = lattice.provider_pid("nats").await;
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let key = "$KV.kv_default_nats_b.in/meanwhile";
    lattice.plain().publish(key, "x".into()).await.unwrap();
    eventually("the provider is back", async || {
        let subject = "lattice.default.call.nats.wasi:keyvalue/store.open";
        match lattice.try_request(subject, &[], r#"["b"]"#).await {
            Ok(reply) if !reply.failed() => Ok(()),
            other => Err(other),
        }
    })
    .await;
    all[0].hears("in/meanwhile=x").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_hears_nothing_is_refused_by_the_link_that_asks() {
    let lattice = one_host().await;
    let manifest = "name = \"app\"\n[actor.deaf]\ncomponent = \"buckets\"\n\
        link.\"wasi:keyvalue\" = { to = \"kv\", bucket = \"b\", watch = true }\n\
        [provider.kv]\nexternal = true\n";
    lattice.try_apply(manifest).await.unwrap();
    let reason = eventually("the actor is refused", async || {
        let list = lattice.control("actor.list", json!({})).await;
        match list["value"][0]["hosts"]["a"]["reason"].as_str() {
            Some(reason) => Ok(reason.to_owned()),
            None => Err(list),
        }
    })
    .await;
    assert!(
        reason.contains("wasi:keyvalue/watcher: leave watch out"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_can_be_called_by_anybody_and_wrong_arguments_are_refused() {
    let stores = Stores::none().await;
    let all = Watched::all(&stores, &["memory"]).await;
    let lattice = &stores.lattice;
    let by_name = json!({"bucket": "default", "key": "in/by-hand", "value": [121]});
    let told = lattice.call("at-memory.on-set", by_name).await;
    assert_eq!(told.text(), "null");
    all[0].hears("in/by-hand=y").await;
    let wrong = lattice.call("at-memory.on-set", json!(["default"])).await;
    assert_eq!(wrong.failure().code, "bad-request");
    let set = Set {
        bucket: "default".into(),
        key: "in/packed".into(),
        value: "z".into(),
    };
    let packed = rmp_serde::to_vec_named(&set).unwrap();
    let subject = "lattice.default.call.at-memory.wasi:keyvalue/watcher.on-set";
    let told = lattice.request(subject, packed).await;
    assert_eq!(told.payload.as_ref(), [0xc0]);
    all[0].hears("in/packed=z").await;
}
