//! Every kind of event that `docs/protocol.md` lists, in one run.

use std::collections::BTreeSet;

use lattice_protocol::event::Kind;
use lattice_tests::{Events, Lattice, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::program;

/// Asks, and waits until the lattice has said so.
async fn asked(lattice: &Lattice, verb: &str, request: Value) {
    let reply = lattice.control(verb, request).await;
    assert_eq!(reply["ok"], true, "{verb}: {reply}");
}

async fn of_apps(lattice: &Lattice, events: &Events) {
    lattice.run_with("greeter", "instances = 2").await;
    events.of("app.applied", "app/greeter").await;
    let started = events.of("actor.started", "actor/greeter").await;
    assert_eq!(started["data"]["slots"], 2, "{started}");
    asked(
        lattice,
        "actor.scale",
        json!({ "name": "greeter", "instances": 3 }),
    )
    .await;
    let scaled = events.of("actor.scaled", "actor/greeter").await;
    assert_eq!(scaled["data"], json!({ "from": 2, "to": 3 }));
    let config = json!({ "name": "greeter", "config": { "a": "b" } });
    asked(lattice, "actor.update", config).await;
    let updated = events.of("actor.updated", "actor/greeter").await;
    assert_ne!(updated["data"]["revision"], started["data"]["revision"]);
    let artifacts = lattice.client().artifacts().await.unwrap();
    let core = artifacts.push(b"\0asm\x01\0\0\0").await.unwrap();
    asked(
        lattice,
        "actor.update",
        json!({ "name": "greeter", "component": core }),
    )
    .await;
    events.of("actor.failed", "actor/greeter").await;
    events.of("app.rolled-back", "app/greeter").await;
}

async fn of_providers(lattice: &Lattice, events: &Events) {
    let memory = json!({ "name": "kv", "kind": "keyvalue", "config": { "backend": "memory" } });
    asked(lattice, "provider.start", memory).await;
    let started = events.of("provider.started", "provider/kv").await;
    assert_eq!(started["data"]["app"], "kv", "{started}");
    let link = json!({ "source": "greeter", "interface": "wasi:keyvalue" });
    let mut put = link.clone();
    put["target"] = "kv".into();
    asked(lattice, "link.put", put).await;
    events
        .of("link.put", "link/greeter/wasi:keyvalue/default")
        .await;
    asked(lattice, "link.delete", link).await;
    events
        .of("link.deleted", "link/greeter/wasi:keyvalue/default")
        .await;
    let pid = i32::try_from(lattice.provider_pid("kv").await).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    events.of("provider.crashed", "provider/kv").await;
    eventually("it runs again", async || {
        let again = lattice.provider_pid("kv").await;
        if i32::try_from(again) == Ok(pid) {
            Err(())
        } else {
            Ok(())
        }
    })
    .await;
    asked(lattice, "provider.stop", json!({ "name": "kv" })).await;
    events.of("provider.stopped", "provider/kv").await;
    let absent = json!({ "name": "absent", "exec": ["/nowhere/at-all"] });
    asked(lattice, "provider.start", absent).await;
    events.of("provider.failed", "provider/absent").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_event_is_said() {
    let mut lattice = Lattice::start(program()).await;
    let events = lattice.events().await;
    lattice.host("a").await;
    events.of("host.joined", "host/a").await;
    events.of("host.heartbeat", "host/a").await;
    let leads = events.of("host.leads", "host/a").await;
    let epoch = leads["data"]["epoch"].as_u64().unwrap();
    of_apps(&lattice, &events).await;
    of_providers(&lattice, &events).await;
    asked(&lattice, "app.delete", json!({ "name": "greeter" })).await;
    events.of("app.deleted", "app/greeter").await;
    events.of("actor.stopped", "actor/greeter").await;
    events.of("audit.changed", "app/greeter").await;
    let nobody = json!({ "name": "nobody", "instances": 2 });
    assert_eq!(lattice.control("actor.scale", nobody).await["ok"], false);
    events.of("audit.refused", "actor/nobody").await;

    lattice.host("b").await;
    lattice.stop_host("a").await;
    events.of("host.left", "host/a").await;
    let follows = events.of("host.leads", "host/b").await;
    assert!(follows["data"]["epoch"].as_u64() > Some(epoch), "{follows}");

    let said = events.so_far();
    let said = said.iter().filter_map(|event| event["type"].as_str());
    let said: BTreeSet<_> = said.map(str::to_owned).collect();
    let all = Kind::ALL.iter().map(|kind| format!("lattice.{kind}"));
    assert_eq!(said, all.collect::<BTreeSet<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_cannot_be_called_beside_others_are_told_at_the_start() {
    let mut lattice = Lattice::start(program()).await;
    let mut host = lattice.machine("a", &[]).await;
    let events = lattice.events().await;
    lattice.run("lender").await;
    let started = events.of("actor.started", "actor/lender").await;
    let uncallable = started["data"]["uncallable"].as_object().unwrap();
    let names: Vec<_> = uncallable.keys().map(String::as_str).collect();
    let shelf = [
        "lattice:lender/shelf.book.title",
        "lattice:lender/shelf.lend",
    ];
    assert_eq!(names, shelf, "{started}");
    for reason in uncallable.values() {
        assert!(reason.as_str().unwrap().contains("resource"), "{started}");
    }
    let said = host.prints("some of its functions can't be called").await;
    assert!(said.contains("lattice:lender/shelf.lend"), "{said}");
    lattice.run("greeter").await;
    let started = events.of("actor.started", "actor/greeter").await;
    assert_eq!(started["data"].get("uncallable"), None, "{started}");
}
