//! A lattice on a JetStream cluster of three servers.

use async_nats::jetstream;
use lattice_tests::{Lattice, Load, Nats, eventually, guest};
use serde_json::{Value, json};

use crate::program;

/// On how many servers a stream is kept, and how many of them are up to date.
async fn copies(jetstream: &jetstream::Context, stream: &str) -> Result<(usize, usize), String> {
    let mut stream = jetstream
        .get_stream(stream)
        .await
        .map_err(|e| e.to_string())?;
    let info = stream.info().await.map_err(|e| e.to_string())?;
    let cluster = info.cluster.as_ref().ok_or("no cluster")?;
    let current = cluster.replicas.iter().filter(|peer| peer.current).count();
    let leader = usize::from(cluster.leader.is_some());
    Ok((info.config.num_replicas, current + leader))
}

/// Asks until it is carried out: between two leaders of a stream nobody can write.
async fn done(lattice: &Lattice, verb: &str, request: Value) -> Value {
    eventually(verb, async || {
        let reply = lattice.try_control(verb, request.clone()).await;
        if reply["ok"] == true {
            Ok(reply["value"].clone())
        } else {
            Err(reply)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_of_three_one_server_dies_and_comes_back_while_the_lattice_works_and_changes()
{
    let nats = Nats::cluster(3).await;
    let mut lattice = Lattice::on(nats, program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    lattice.run_with("greeter", "instances = 4").await;
    let jetstream = jetstream::new(lattice.plain().clone());
    for stream in ["KV_lattice_default", "OBJ_lattice_default_artifacts"] {
        // A host that came before all three were ready made it with one, and raises it.
        eventually(
            &format!("{stream} is on three servers"),
            async || match copies(&jetstream, stream).await {
                Ok((3, _)) => Ok(()),
                other => Err(other),
            },
        )
        .await;
    }

    let load = Load::losing(&lattice, 8);
    load.answers(200).await;
    lattice.nats().kill(0).await;
    load.answers(200).await;
    done(
        &lattice,
        "actor.scale",
        json!({ "name": "greeter", "instances": 6 }),
    )
    .await;
    // While its stream has no leader, the store says that it can't be reached.
    let second = eventually("the component is stored", async || {
        let artifacts = lattice.client().artifacts().await;
        let artifacts = artifacts.map_err(|error| error.to_string())?;
        let pushed = artifacts.push(&guest::bytes("hasher")).await;
        pushed.map_err(|error| error.to_string())
    })
    .await;
    let start = json!({ "name": "hasher", "component": second, "instances": 2 });
    done(&lattice, "actor.start", start).await;
    runs(&lattice, "greeter", 6).await;
    runs(&lattice, "hasher", 2).await;

    lattice.nats().start_again(0).await;
    eventually("all three have the state", async || {
        match copies(&jetstream, "KV_lattice_default").await {
            Ok((3, 3)) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    done(
        &lattice,
        "actor.scale",
        json!({ "name": "greeter", "instances": 3 }),
    )
    .await;
    runs(&lattice, "greeter", 3).await;
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!("a server of three killed and back: {endings}");
    // The callers' own server may have been the one that died.
    let load = Load::callers(&lattice, 8);
    load.answers(200).await;
    load.end_without_failures().await;
    let history = done(&lattice, "app.history", json!({ "name": "greeter" })).await;
    let wanted = history.as_array().map(Vec::len);
    assert_eq!(wanted, Some(3), "{history}");
}

async fn runs(lattice: &Lattice, actor: &str, instances: u32) {
    eventually(
        &format!("{instances} instances of {actor} run"),
        async || {
            let list = lattice.try_control("actor.list", json!({})).await;
            let all = list["value"].as_array().cloned().unwrap_or_default();
            let found = all.iter().find(|one| one["name"] == actor).cloned();
            let hosts = found
                .as_ref()
                .and_then(|one| one["hosts"].as_object().cloned());
            let running = hosts.iter().flat_map(|hosts| hosts.values());
            let running = running.filter(|host| host["phase"] == "running");
            let slots: u64 = running.filter_map(|host| host["slots"].as_u64()).sum();
            if slots == u64::from(instances) {
                Ok(())
            } else {
                Err(list)
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_value_provider_keeps_on_a_cluster_is_on_three_servers_unless_it_says_otherwise()
{
    let nats = Nats::cluster(3).await;
    let mut lattice = Lattice::on(nats, program()).await;
    lattice.host("a").await;
    for (name, config) in [("kv", json!({})), ("one", json!({ "replicas": 1 }))] {
        let start = json!({ "name": name, "kind": "keyvalue", "config": config });
        done(&lattice, "provider.start", start).await;
        keeps(&lattice, name, "counts", "AQ==").await;
    }
    let jetstream = jetstream::new(lattice.plain().clone());
    for (stream, wanted) in [
        ("KV_kv_default_kv_counts", 3),
        ("KV_kv_default_one_counts", 1),
    ] {
        let stream = jetstream.get_stream(stream).await.unwrap();
        assert_eq!(stream.cached_info().config.num_replicas, wanted);
    }
}

/// Waits until a provider has a value in a bucket, which it makes if it is not there.
async fn keeps(lattice: &Lattice, provider: &str, bucket: &str, value: &str) {
    let set = format!("lattice.default.call.{provider}.wasi:keyvalue/store.bucket.set");
    eventually(&format!("{provider} keeps a value"), async || {
        let arguments = json!([bucket, "a", value]).to_string();
        let reply = lattice.try_request(&set, &[], arguments).await;
        let reply = reply.map_err(|error| error.to_string())?;
        // Servers that lack are waited for longer than a call lasts.
        match reply.payload == r#"{"ok":null}"# {
            true => Ok(()),
            false => Err(format!("{reply:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_while_servers_lacked_is_kept_on_three_once_they_are_there() {
    let nats = Nats::cluster_that_lacks(1, 3).await;
    let jetstream = jetstream::new(nats.plain_client().await);
    let mut lattice = Lattice::on(nats, program()).await;
    lattice.host("a").await;
    for (name, config) in [("kv", json!({})), ("one", json!({ "replicas": 1 }))] {
        let start = json!({ "name": name, "kind": "keyvalue", "config": config });
        done(&lattice, "provider.start", start).await;
        keeps(&lattice, name, "counts", "AQ==").await;
    }
    keeps(&lattice, "kv", "chosen", "AQ==").await;
    let short = [
        "KV_lattice_default",
        "OBJ_lattice_default_artifacts",
        "KV_kv_default_kv_counts",
    ];
    let (one, two) = ("KV_kv_default_one_counts", "KV_kv_default_kv_chosen");
    for stream in short.iter().chain([&one, &two]) {
        let (replicas, _) = copies(&jetstream, stream).await.unwrap();
        assert_eq!(replicas, 1, "{stream}");
    }
    let mut chosen = jetstream.get_stream(two).await.unwrap();
    let mut config = chosen.info().await.unwrap().config.clone();
    config.num_replicas = 2;
    jetstream.update_stream(&config).await.unwrap();

    lattice.nats().start_rest().await;
    for stream in short {
        eventually(
            &format!("{stream} is on three servers"),
            async || match copies(&jetstream, stream).await {
                Ok((3, 3)) => Ok(()),
                other => Err(other),
            },
        )
        .await;
    }
    for (stream, wanted) in [(one, 1), (two, 2)] {
        let (replicas, _) = copies(&jetstream, stream).await.unwrap();
        assert_eq!(replicas, wanted, "{stream} is as somebody wants it");
    }
    // What was written before is there, and what is written is read.
    let get = "lattice.default.call.kv.wasi:keyvalue/store.bucket.get";
    for value in ["AQ==", "Ag==", "Aw=="] {
        let read = lattice.request(get, r#"["counts","a"]"#).await;
        assert!(!read.failed(), "{read:?}");
        keeps(&lattice, "kv", "counts", value).await;
        let read = lattice.request(get, r#"["counts","a"]"#).await;
        assert_eq!(read.json(), json!({ "ok": value }));
    }
}
