//! Updates that no host can start: taken back by the lattice itself, and told wherever one would look.

use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::{cli, one_host, program};

/// Waits until an actor of the app of its name was rolled back; answers why.
async fn taken_back(lattice: &Lattice, actor: &str) -> String {
    eventually("the update is taken back", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let mut all = list["value"].as_array().into_iter().flatten();
        let found = all.find(|found| found["name"] == actor);
        let reason = found.and_then(|found| found["rolled_back"]["reason"].as_str());
        reason.map(str::to_owned).ok_or_else(|| list.clone())
    })
    .await
}

async fn history(lattice: &Lattice, app: &str) -> Value {
    let history = lattice.control("app.history", json!({ "name": app })).await;
    history["value"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_cannot_start_is_taken_back_and_whoever_takes_over_runs_what_ran() {
    let mut lattice = Lattice::start(program()).await;
    let first = lattice.machine("a", &[]).await;
    lattice.run_with("greeter", "instances = 2").await;
    let events = lattice.events().await;
    // A core module is no component.
    let core = lattice.folder().join("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    let update = ["update", "greeter", "--component", "core.wasm"];
    let updated = cli::run(&mut lattice, &update).await;
    assert_eq!(updated.status.code(), Some(1), "{}", updated.text());
    assert!(
        updated.text().contains("does not compile"),
        "{}",
        updated.text()
    );

    let event = events.of("app.rolled-back", "app/greeter").await;
    let reason = taken_back(&lattice, "greeter").await;
    assert!(reason.contains("does not compile"), "{reason}");
    assert_eq!(
        event["data"]["rolled_back"]["refused"]["greeter"]["reason"],
        reason
    );
    let kept = history(&lattice, "greeter").await;
    let (back, refused, before) = (&kept[0], &kept[1], &kept[2]);
    assert_eq!(back["rolled_back"]["from"], refused["revision"], "{kept}");
    assert_eq!(back["rolled_back"]["to"], before["revision"], "{kept}");
    assert_eq!(event["data"]["revision"], back["revision"]);
    assert_eq!(kept.as_array().unwrap().len(), 3, "{kept}");
    for (words, says) in [
        (&["ps"][..], "greeter was rolled back"),
        (&["history", "greeter"], "rolled back from"),
        (&["audit"], "app.rollback"),
    ] {
        let shown = cli::run(&mut lattice, words).await;
        assert!(shown.text().contains(says), "{}", shown.text());
    }

    let _second = lattice.machine("b", &[]).await;
    first.kill();
    eventually("the other host serves all of it", async || {
        let placement = lattice.placement("greeter").await;
        match placement.get("b") {
            Some(2) => Ok(()),
            _ => Err(placement),
        }
    })
    .await;
    let answer = lattice.call("greeter.greet", json!(["World"])).await;
    assert_eq!(answer.text(), r#""Hello, World!""#);
    // Nobody asked for the update again.
    assert_eq!(history(&lattice, "greeter").await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_others_can_call_no_more_is_taken_back() {
    let lattice = one_host().await;
    let logs = lattice.logs().await;
    lattice.run("logger").await;
    lattice
        .run_with("processor", "link.\"cyber:system\" = { to = \"logger\" }")
        .await;
    let hasher = lattice.push("hasher").await;
    let update = json!({ "name": "logger", "component": hasher });
    assert_eq!(lattice.control("actor.update", update).await["ok"], true);
    let reason = taken_back(&lattice, "logger").await;
    assert!(reason.contains("cyber:system"), "{reason}");
    let processed = lattice.call("processor.process", json!(["YWJj"])).await;
    assert_eq!(processed.json(), json!({ "ok": "ABC" }));
    logs.with("logger", "[info] processing 3 bytes").await;

    // What nobody asks for may go.
    lattice
        .control("actor.stop", json!({ "name": "processor" }))
        .await;
    let update = json!({ "name": "logger", "component": hasher });
    let updated = lattice.control("actor.update", update).await;
    assert_eq!(updated["ok"], true, "{updated}");
    eventually("it is a hasher", async || {
        let subject = "lattice.default.call.logger.hash-payload";
        match lattice.try_request(subject, &[], r#"[""]"#).await {
            Ok(reply) if !reply.failed() => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
