//! What the lattice keeps: the trail of who changed what, components that something refers to, named
//! configs, and everything as one file.

use futures_util::StreamExt as _;
use lattice_tests::{Lattice, eventually, process};
use serde_json::{Value, json};

use super::{greeter, value};
use crate::{one_host, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changed_what_is_an_event_and_is_kept_newest_first() {
    let lattice = one_host().await;
    let events = lattice.events().await;
    let manifest = greeter(&lattice, "1.0.0").await;
    let request = json!({ "manifest": manifest }).to_string();
    let by = [("Lattice-By", "ann@desk")];
    let subject = "lattice.default.ctl.app.apply";
    let applied = lattice
        .request_with(subject, &by, request.clone())
        .await
        .json();
    // Again, which changes nothing; then one that is refused.
    lattice.request_with(subject, &by, request).await;
    let scale = json!({ "name": "nobody", "instances": 2 });
    lattice.control("actor.scale", scale).await;
    lattice.control("actor.list", json!({})).await;

    // The first makes the stream, which may take longer than its answer waits.
    let trail = eventually("both are kept", async || {
        let trail = value(&lattice, "audit.list", json!({})).await;
        let trail = trail.as_array().unwrap().clone();
        if trail.len() == 2 {
            Ok(trail)
        } else {
            Err(trail)
        }
    })
    .await;
    let (refused, changed) = (&trail[0], &trail[1]);
    assert_eq!(changed["verb"], "app.apply");
    assert_eq!(changed["by"], "ann@desk");
    assert_eq!(changed["about"], "app/demo");
    assert_eq!(changed["host"], "a");
    assert_eq!(changed["revision"], applied["value"]["revision"]);
    assert_eq!(changed["changes"], applied["value"]["changes"]);
    assert_eq!(refused["code"], "not-found", "{refused}");
    assert_eq!(refused["about"], "actor/nobody");
    assert!(refused.get("by").is_none(), "{refused}");
    let event = events.of("audit.changed", "app/demo").await;
    assert_eq!(event["data"]["by"], "ann@desk", "{event}");
    events.of("audit.refused", "actor/nobody").await;

    let one = value(&lattice, "audit.list", json!({ "limit": 1 })).await;
    assert_eq!(one[0]["number"], refused["number"]);
    let before = json!({ "before": refused["number"] });
    let older = value(&lattice, "audit.list", before).await;
    assert_eq!(older, json!([changed]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_is_collected_once_neither_an_app_nor_its_history_refers_to_it() {
    let lattice = one_host().await;
    let used = greeter(&lattice, "1.0.0").await;
    value(&lattice, "app.apply", json!({ "manifest": used })).await;
    let unused = lattice.push("counter").await;
    let list = async || value(&lattice, "artifact.list", json!({})).await;
    let users = |list: &Value, digest: &str| {
        let all = list.as_array().unwrap().iter();
        let mut found = all.filter(|artifact| artifact["digest"] == digest);
        found.next().map(|artifact| artifact["used_by"].clone())
    };
    let greeter_digest = lattice.push("greeter").await;
    let told = users(&list().await, &greeter_digest).unwrap();
    assert_eq!(told[0], "actor greeter", "{told}");
    assert_eq!(users(&list().await, &unused), Some(json!([])));

    // Within the grace of a day nothing goes; nor does anything in a rehearsal.
    let none = value(&lattice, "artifact.collect", json!({})).await;
    assert_eq!((&none["removed"], &none["kept"]), (&json!([]), &json!(2)));
    let rehearsed = json!({ "grace_s": 0, "dry_run": true });
    let rehearsed = value(&lattice, "artifact.collect", rehearsed).await;
    assert_eq!(rehearsed["removed"][0]["digest"], unused.as_str());
    assert_eq!(list().await.as_array().unwrap().len(), 2);

    // Deleted, the app can still be brought back: so its component stays.
    value(&lattice, "app.delete", json!({ "name": "demo" })).await;
    let collected = value(&lattice, "artifact.collect", json!({ "grace_s": 0 })).await;
    assert_eq!(collected["removed"].as_array().unwrap().len(), 1);
    assert_eq!(collected["removed"][0]["digest"], unused.as_str());
    let told = users(&list().await, &greeter_digest).unwrap();
    assert!(told[0].as_str().unwrap().ends_with("of app demo"), "{told}");
    value(&lattice, "app.rollback", json!({ "name": "demo" })).await;
    eventually("it runs again", async || {
        let placement = lattice.placement("greeter").await;
        if placement.get("a") == Some(&2) {
            Ok(())
        } else {
            Err(placement)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_config_is_changed_only_at_the_revision_that_was_meant() {
    let lattice = one_host().await;
    let put = |sky: &str, if_revision: u64| json!({ "name": "colours", "values": { "sky": sky }, "if_revision": if_revision });
    let first = value(&lattice, "config.put", put("blue", 0)).await;
    let again = lattice.control("config.put", put("red", 0)).await;
    assert_eq!(again["error"]["code"], "conflict", "{again}");
    let revision = first["revision"].as_u64().unwrap();
    value(&lattice, "config.put", put("red", revision)).await;
    let listed = value(&lattice, "config.list", json!({})).await;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["keys"]),
        (&json!("colours"), &json!(["sky"]))
    );
    let stale = json!({ "name": "colours", "if_revision": revision });
    let stale = lattice.control("config.delete", stale).await;
    assert_eq!(stale["error"]["code"], "conflict", "{stale}");
    value(&lattice, "config.delete", json!({ "name": "colours" })).await;
    assert_eq!(value(&lattice, "config.list", json!({})).await, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_declared_goes_into_a_file_and_from_it_into_another_lattice() {
    let mut from = one_host().await;
    from.run_with("greeter", "instances = 2").await;
    value(
        &from,
        "config.put",
        json!({ "name": "colours", "values": { "sky": "blue" } }),
    )
    .await;
    let mut to = one_host().await;
    let folder = from.folder().to_owned();
    let run = async |url: String, words: &[&str]| {
        let mut command = process::command(program(), &folder, words);
        command.env("LATTICE_NATS", url);
        let ended = process::run(command).await;
        assert!(ended.status.success(), "{words:?}: {}", ended.text());
        ended
    };
    let exported = run(from.nats().url(), &["export", "--components", "components"]).await;
    std::fs::write(folder.join("all.json"), exported.text()).unwrap();
    let import = ["import", "all.json", "--components", "components"];
    let rehearsed = run(to.nats().url(), &[&import[..], &["--dry-run"]].concat()).await;
    assert!(
        rehearsed.text().contains("+ actor greeter"),
        "{}",
        rehearsed.text()
    );
    assert!(
        rehearsed.text().contains("+ config colours"),
        "{}",
        rehearsed.text()
    );
    assert_eq!(value(&to, "app.list", json!({})).await, json!([]));

    run(to.nats().url(), &import).await;
    let reply = to.call("greeter.greet", json!(["World"])).await;
    assert_eq!(reply.json(), "Hello, World!");
    let config = value(&to, "config.get", json!({ "name": "colours" })).await;
    assert_eq!(config["values"], json!({ "sky": "blue" }));
    let again = run(to.nats().url(), &import).await;
    assert!(again.text().contains("nothing changed"), "{}", again.text());

    // What the file does not have goes only if it is said.
    value(&to, "config.put", json!({ "name": "other", "values": {} })).await;
    run(to.nats().url(), &["import", "all.json"]).await;
    assert_eq!(
        value(&to, "config.list", json!({}))
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    run(to.nats().url(), &["import", "all.json", "--prune"]).await;
    assert_eq!(
        value(&to, "config.list", json!({}))
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// How many consumers the server has over all streams.
async fn consumers(lattice: &Lattice) -> usize {
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let streams = jetstream.streams().map(|stream| stream.unwrap());
    let counts = streams.map(|stream| stream.state.consumer_count);
    counts.fold(0, async |all, count| all + count).await
}

/// A leader that begins anew reads with some of its own, which the server forgets after a while.
const OF_A_TERM: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_often_leaves_nothing_on_the_server() {
    let lattice = one_host().await;
    lattice.run_with("greeter", "instances = 1").await;
    let before = consumers(&lattice).await;
    for _ in 0..50 {
        value(&lattice, "artifact.list", json!({})).await;
        value(&lattice, "app.history", json!({ "name": "greeter" })).await;
        value(&lattice, "app.list", json!({})).await;
        value(&lattice, "config.list", json!({})).await;
        value(&lattice, "audit.list", json!({})).await;
    }
    let after = consumers(&lattice).await;
    assert!(
        after <= before + OF_A_TERM,
        "{before} before, {after} after"
    );
}
