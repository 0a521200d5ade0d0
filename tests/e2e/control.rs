//! What operators ask, as a plain NATS client with JSON. In the folder: [`kept`], what the lattice keeps;
//! [`collected`], what it doesn't; [`drain`], a host that is taken out; [`verbs`], every verb with what it refuses;
//! [`shell`], the commands.

mod collected;
mod drain;
mod kept;
mod shell;
mod verbs;

use async_nats::RequestErrorKind;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::one_host;

/// The value of a request that must be carried out.
async fn value(lattice: &Lattice, verb: &str, request: Value) -> Value {
    let reply = lattice.control(verb, request).await;
    assert_eq!(reply["ok"], true, "{verb}: {reply}");
    reply["value"].clone()
}

async fn until_gone(lattice: &Lattice, call: &str) {
    eventually(&format!("{call} has no responders"), async || match lattice
        .try_request(&format!("lattice.default.call.{call}"), &[], "[]")
        .await
    {
        Err(RequestErrorKind::NoResponders) => Ok(()),
        other => Err(other),
    })
    .await;
}

async fn greeter(lattice: &Lattice, version: &str) -> String {
    let digest = lattice.push("greeter").await;
    format!(
        "name = \"demo\"\nversion = \"{version}\"\n[actor.greeter]\ncomponent = \"{digest}\"\n\
         instances = 2\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applying_a_manifest_twice_changes_nothing_the_second_time() {
    let lattice = one_host().await;
    let manifest = greeter(&lattice, "1.0.0").await;
    let first = value(&lattice, "app.apply", json!({ "manifest": manifest })).await;
    assert_eq!(first["app"], "demo");
    assert_eq!(first["changes"][0]["what"], "added");
    assert_eq!(first["changes"][0]["thing"], "actor greeter");
    let second = value(&lattice, "app.apply", json!({ "manifest": manifest })).await;
    assert_eq!(second["revision"], first["revision"]);
    assert_eq!(second["changes"], json!([]));
    let apps = value(&lattice, "app.list", json!({})).await;
    let wanted = json!([{
        "name": "demo", "version": "1.0.0", "revision": first["revision"],
        "actors": ["greeter"], "providers": [],
    }]);
    assert_eq!(apps, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_for_another_revision_is_a_conflict_and_changes_nothing() {
    let lattice = one_host().await;
    let manifest = greeter(&lattice, "1.0.0").await;
    let new = json!({ "manifest": manifest, "if_revision": 0 });
    let revision = value(&lattice, "app.apply", new.clone()).await["revision"].clone();
    let again = greeter(&lattice, "2.0.0").await;
    for request in [
        ("app.apply", json!({ "manifest": again, "if_revision": 0 })),
        ("app.delete", json!({ "name": "demo", "if_revision": 999 })),
        (
            "actor.scale",
            json!({ "name": "greeter", "instances": 9, "if_revision": 999 }),
        ),
    ] {
        let reply = lattice.control(request.0, request.1).await;
        assert_eq!(reply["error"]["code"], "conflict", "{reply}");
    }
    let apps = value(&lattice, "app.list", json!({})).await;
    assert_eq!(
        (&apps[0]["revision"], &apps[0]["version"]),
        (&revision, &json!("1.0.0"))
    );
    value(
        &lattice,
        "app.apply",
        json!({ "manifest": again, "if_revision": revision }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_is_listed_and_inspected_with_what_can_be_called() {
    let lattice = one_host().await;
    lattice.run_with("greeter", "instances = 3").await;
    let list = value(&lattice, "actor.list", json!({})).await;
    assert_eq!(list[0]["name"], "greeter");
    assert_eq!(list[0]["app"], "greeter");
    assert_eq!(list[0]["wanted"], 3);
    assert_eq!(list[0]["hosts"]["a"]["slots"], 3);
    assert_eq!(list[0]["hosts"]["a"]["phase"], "running");
    let detail = value(&lattice, "actor.inspect", json!({ "name": "greeter" })).await;
    assert_eq!(detail["endpoints"]["greet"], "func(name: string) -> string");
    let hosts = value(&lattice, "host.list", json!({})).await;
    assert_eq!(
        (&hosts[0]["host"], &hosts[0]["capacity"]),
        (&json!("a"), &json!(100))
    );
    let ping = lattice
        .request("lattice.default.host.a.ctl.ping", "")
        .await
        .json();
    assert_eq!(ping["ok"], true, "{ping}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_scaled_to_zero_is_not_served_but_declared_and_comes_back() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    value(
        &lattice,
        "actor.scale",
        json!({ "name": "greeter", "instances": 0 }),
    )
    .await;
    until_gone(&lattice, "greeter.greet").await;
    let list = value(&lattice, "actor.list", json!({})).await;
    assert_eq!(
        (&list[0]["name"], &list[0]["wanted"]),
        (&json!("greeter"), &json!(0))
    );
    value(
        &lattice,
        "actor.scale",
        json!({ "name": "greeter", "instances": 3 }),
    )
    .await;
    eventually("three instances", async || {
        let placement = lattice.placement("greeter").await;
        if placement.get("a") == Some(&3) {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
    assert_eq!(
        lattice.call("greeter.greet", json!(["World"])).await.json(),
        "Hello, World!"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_an_app_stops_its_actors_and_its_providers_processes() {
    let lattice = one_host().await;
    lattice
        .apply(
            r#"
            name = "demo"
            [actor.greeter]
            component = "greeter"
            [provider.kv]
            kind = "keyvalue"
            "#,
        )
        .await;
    let pid = lattice.provider_pid("kv").await;
    assert!(is_process(pid));
    let events = lattice.events().await;
    value(&lattice, "app.delete", json!({ "name": "demo" })).await;
    until_gone(&lattice, "greeter.greet").await;
    until_gone(&lattice, "kv.wasi:keyvalue/store.open").await;
    events.of("actor.stopped", "actor/greeter").await;
    events.of("provider.stopped", "provider/kv").await;
    assert!(!is_process(pid));
    assert_eq!(value(&lattice, "app.list", json!({})).await, json!([]));
    // Idempotent, as every verb.
    value(&lattice, "app.delete", json!({ "name": "demo" })).await;
}

fn is_process(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_revision_is_kept_and_an_earlier_one_can_be_brought_back() {
    let lattice = one_host().await;
    let mut revisions = Vec::new();
    for version in ["1.0.0", "2.0.0"] {
        let manifest = greeter(&lattice, version).await;
        let applied = value(&lattice, "app.apply", json!({ "manifest": manifest })).await;
        revisions.push(applied["revision"].clone());
    }
    let history = value(&lattice, "app.history", json!({ "name": "demo" })).await;
    let kept: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["revision"])
        .collect();
    assert_eq!(kept, [&revisions[1], &revisions[0]], "newest first");
    let back = value(&lattice, "app.rollback", json!({ "name": "demo" })).await;
    assert!(
        back["revision"].as_u64() > revisions[1].as_u64(),
        "a rollback is a revision of its own"
    );
    let apps = value(&lattice, "app.list", json!({})).await;
    assert_eq!(apps[0]["version"], "1.0.0");
    value(&lattice, "app.delete", json!({ "name": "demo" })).await;
    value(
        &lattice,
        "app.rollback",
        json!({ "name": "demo", "to": revisions[1] }),
    )
    .await;
    assert_eq!(
        value(&lattice, "app.list", json!({})).await[0]["version"],
        "2.0.0"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_links_and_providers_are_declared_one_by_one_without_a_manifest() {
    let lattice = one_host().await;
    value(
        &lattice,
        "provider.start",
        json!({ "name": "kv", "kind": "keyvalue" }),
    )
    .await;
    let component = lattice.push("counter").await;
    let actor = json!({
        "name": "counter", "component": component, "instances": 1,
        "links": { "wasi:keyvalue": { "to": "kv", "bucket": "one-by-one" } },
    });
    value(&lattice, "actor.start", actor).await;
    let links = value(&lattice, "link.list", json!({})).await;
    let wanted = json!([{
        "source": "counter", "interface": "wasi:keyvalue", "name": "default", "target": "kv",
    }]);
    assert_eq!(links, wanted);
    let request = json!([{ "method": "GET", "path": "/" }]);
    let body = eventually("the counter counts", async || {
        let subject = "lattice.default.call.counter.wasi:http/incoming-handler.handle";
        let reply = lattice
            .try_request(subject, &[], request[0].to_string())
            .await;
        match reply {
            Ok(reply) if !reply.failed() && reply.json()["status"] == 200 => {
                Ok(reply.json()["body"].clone())
            }
            other => Err(other),
        }
    })
    .await;
    // "count: 1\n" as JSON writes bytes.
    assert!(
        body.as_str()
            .is_some_and(|body| body.starts_with("Y291bnQ6I")),
        "{body}"
    );
    value(&lattice, "actor.stop", json!({ "name": "counter" })).await;
    until_gone(&lattice, "counter.handle").await;
    let artifacts = value(&lattice, "artifact.list", json!({})).await;
    assert!(
        artifacts
            .as_array()
            .unwrap()
            .iter()
            .any(|a| a["digest"] == *component),
        "{artifacts}"
    );
}
