//! What is refused, by whom, and in which words. In the folder: [`imports`], what a component asks for that
//! it can't have.

mod imports;

use lattice_protocol::control::ProblemCode;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::one_host;

async fn apply(lattice: &Lattice, manifest: &str) -> Value {
    lattice
        .control("app.apply", json!({ "manifest": manifest }))
        .await
}

fn assert_refused(reply: &Value, code: &str, words: &[&str]) {
    assert_eq!(reply["ok"], false, "{reply}");
    assert_eq!(reply["error"]["code"], code, "{reply}");
    let message = reply["error"]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_manifest_is_refused_with_its_place_and_nothing_is_declared() {
    let lattice = one_host().await;
    for (manifest, words) in [
        ("name = ", &["line 1"][..]),
        ("name = \"a\"\nnonsense = 1\n", &["nonsense", "line 2"]),
        ("name = \"A b\"\n", &["use 1 to 63 of a-z", "line 1"]),
        ("name = \"a\"\n[actor.x]\ncomponent = 1\n", &["line 3"]),
        ("name = \"a\"\n[provider.p]\n", &["kind", "exec"]),
    ] {
        assert_refused(&apply(&lattice, manifest).await, "bad-request", words);
    }
    let apps = lattice.control("app.list", json!({})).await;
    assert_eq!(apps, json!({"ok": true, "value": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_that_makes_no_sense_is_refused_with_every_reason_at_once() {
    let lattice = one_host().await;
    let digest = lattice.push("counter").await;
    let manifest = format!(
        r#"
        name = "demo"
        [actor.counter]
        component = "{digest}"
        limits = {{ time_ms = 0 }}
        [actor.counter.link."wasi:keyvalue"]
        to = "nobody"
        [provider.web]
        kind = "http"
        [[provider.web.route]]
        path = "/"
        actor = "nothing"
        "#
    );
    let words = [
        "actor counter",
        "time_ms",
        "nobody",
        "provider web",
        "there is no actor nothing",
    ];
    assert_refused(&apply(&lattice, &manifest).await, "bad-request", &words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_not_in_the_lattice_is_refused_with_what_brings_it_there() {
    let lattice = one_host().await;
    let absent = format!("sha256:{}", "0".repeat(64));
    for (component, word) in [
        (&*absent, "lattice push"),
        ("./counter.wasm", "lattice apply"),
    ] {
        let manifest = format!("name = \"a\"\n[actor.a]\ncomponent = \"{component}\"\n");
        assert_refused(
            &apply(&lattice, &manifest).await,
            "bad-request",
            &[component, word],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_none_fails_with_the_reason_and_not_the_host() {
    let lattice = one_host().await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    let digest = artifacts.push(b"not wasm").await.unwrap();
    let started = lattice
        .control(
            "actor.start",
            json!({"name": "noise", "component": digest, "instances": 1}),
        )
        .await;
    assert_eq!(started["ok"], true, "{started}");
    eventually("the actor failed", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let reason = list["value"][0]["hosts"]["a"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if reason.contains("does not compile") {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
    lattice.run("greeter").await;
    assert_eq!(
        lattice.call("greeter.greet", json!(["World"])).await.json(),
        "Hello, World!"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_can_not_take_a_name_that_another_app_has() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    let other = "name = \"other\"\n[actor.greeter]\ncomponent = \"types\"\n";
    let problem = lattice.try_apply(other).await.unwrap_err();
    assert!(
        matches!(
            problem.code,
            ProblemCode::BadRequest | ProblemCode::Conflict
        ),
        "{problem:?}"
    );
    for word in ["greeter", "app greeter"] {
        assert!(problem.message.contains(word), "{problem}");
    }
    assert_eq!(
        lattice.call("greeter.greet", json!(["World"])).await.json(),
        "Hello, World!"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_verbs_fields_and_things_are_refused_by_name() {
    let lattice = one_host().await;
    for (verb, request, code, words) in [
        (
            "actor.dance",
            json!({}),
            "bad-request",
            &["actor.dance", "actor.scale"][..],
        ),
        ("dance", json!({}), "bad-request", &["dance"]),
        (
            "actor.scale",
            json!({"name": "a", "instance": 3}),
            "bad-request",
            &["unknown field `instance`"],
        ),
        (
            "actor.scale",
            json!({"name": "a"}),
            "bad-request",
            &["missing field `instances`"],
        ),
        (
            "actor.scale",
            json!({"name": "A", "instances": 1}),
            "bad-request",
            &["use 1 to 63 of a-z"],
        ),
        (
            "actor.scale",
            json!({"name": "a", "instances": 1}),
            "not-found",
            &["no actor a is declared"],
        ),
        (
            "app.delete",
            json!({"name": "a"}),
            "not-found",
            &["no app a is declared"],
        ),
        (
            "actor.inspect",
            json!({"name": "a"}),
            "not-found",
            &["actor a"],
        ),
        (
            "app.list",
            json!([1, 2]),
            "bad-request",
            &["the request is not valid"],
        ),
    ] {
        assert_refused(&lattice.control(verb, request).await, code, words);
    }
    let noise = lattice
        .request("lattice.default.ctl.app.list", &b"\xff{"[..])
        .await
        .json();
    assert_refused(&noise, "bad-request", &["the request is not valid"]);
    let verb = lattice
        .request("lattice.default.host.a.ctl.dance", "{}")
        .await
        .json();
    assert_refused(&verb, "bad-request", &["dance", "ping"]);
}
