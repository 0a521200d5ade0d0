//! The commands of the shell: each a thin face of a request, with an answer for programs too.

use lattice_tests::{Lattice, eventually, guest};
use serde_json::{Value, json};

use crate::{cli, one_host, program};

/// An app of two actors, of which one is linked to the other.
fn manifest() -> String {
    format!(
        "name = \"demo\"\n\
         [actor.processor]\ncomponent = '{}'\ninstances = 2\n\
         [actor.processor.link.\"cyber:system/logging\"]\nto = \"logger\"\n\
         [actor.logger]\ncomponent = '{}'\n",
        guest::path("processor").display(),
        guest::path("logger").display()
    )
}

/// What a command says with `--json`; it must succeed.
async fn told(lattice: &mut Lattice, words: &[&str]) -> Value {
    let all: Vec<_> = words.iter().copied().chain(["--json"]).collect();
    let ended = cli::run(lattice, &all).await;
    assert!(ended.status.success(), "{words:?}: {}", ended.text());
    ended.json()
}

/// What a command says for people; it must succeed.
async fn said(lattice: &mut Lattice, words: &[&str]) -> String {
    let ended = cli::run(lattice, words).await;
    assert!(ended.status.success(), "{words:?}: {}", ended.text());
    ended.text()
}

/// What a command that fails says, and its exit code.
async fn refused(lattice: &mut Lattice, words: &[&str]) -> (Option<i32>, String) {
    let ended = cli::run(lattice, words).await;
    assert!(!ended.status.success(), "{words:?}: {}", ended.text());
    (ended.status.code(), ended.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_declared_changed_and_removed_from_the_shell_and_each_step_is_true_when_it_ends()
{
    let mut lattice = one_host().await;
    let folder = lattice.folder().to_owned();
    std::fs::write(folder.join("lattice.toml"), manifest()).unwrap();
    let changes = told(&mut lattice, &["diff"]).await;
    assert_eq!(
        changes[0],
        json!({"what": "added", "thing": "actor logger"})
    );
    assert_eq!(
        lattice.control("app.list", json!({})).await["value"],
        json!([])
    );

    let applied = told(&mut lattice, &["apply"]).await;
    assert_eq!(
        (
            &applied["app"],
            applied["changes"].as_array().unwrap().len()
        ),
        (&json!("demo"), 3)
    );
    assert_eq!(told(&mut lattice, &["diff"]).await, json!([]));
    lattice.until_placed("processor", &[("a", 2)]).await;
    let ps = told(&mut lattice, &["ps"]).await;
    assert_eq!(ps["hosts"][0]["host"], "a", "{ps}");
    let inspected = told(&mut lattice, &["inspect", "logger"]).await;
    assert!(inspected["endpoints"].is_object(), "{inspected}");
    let done = said(&mut lattice, &["call", "processor", "process", "YWJj"]).await;
    assert!(done.contains("ABC"), "{done}");

    // True when it ends: nobody has to look again.
    for instances in [5, 1, 0, 2] {
        let words = ["scale", "processor", &instances.to_string()];
        told(&mut lattice, &words).await;
        let placement = lattice.placement("processor").await;
        let all: u32 = placement.values().sum();
        assert_eq!(all, instances, "{placement:?}");
    }
    let updated = told(
        &mut lattice,
        &["update", "logger", "--config", "level=warn"],
    )
    .await;
    assert_eq!(updated["changes"][0]["thing"], "actor logger", "{updated}");
    let history = told(&mut lattice, &["history", "demo"]).await;
    assert_eq!(history[0]["revision"], updated["revision"], "{history}");
    let before = history[1]["revision"].to_string();
    let back = told(&mut lattice, &["rollback", "demo", &before]).await;
    assert_eq!(back["changes"], updated["changes"], "{back}");

    let stopped = told(&mut lattice, &["stop", "processor"]).await;
    assert_eq!(stopped["changes"][0]["what"], "removed", "{stopped}");
    let deleted = told(&mut lattice, &["delete", "demo"]).await;
    assert_eq!(deleted["app"], "demo");
    let report = lattice
        .request("lattice.default.host.a.ctl.inventory", "{}")
        .await
        .json();
    assert_eq!(report["value"]["actors"], json!({}), "{report}");
    until_recorded(&mut lattice, &["app.delete", "actor.stop"]).await;
}

/// Waits until the audit trail ends with these orders, newest first: an answer waits for its record, but not
/// for long.
async fn until_recorded(lattice: &mut Lattice, verbs: &[&str]) {
    let limit = verbs.len().to_string();
    eventually("the orders are recorded", async || {
        let audit = told(lattice, &["audit", "--limit", &limit]).await;
        let entries = audit.as_array().unwrap().iter();
        let found: Vec<_> = entries.map(|entry| entry["verb"].clone()).collect();
        if found == verbs { Ok(()) } else { Err(audit) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_configs_components_and_labels_are_kept_from_the_shell() {
    let mut lattice = one_host().await;
    std::fs::write(lattice.folder().join("lattice.toml"), manifest()).unwrap();
    told(&mut lattice, &["apply"]).await;

    let link = ["processor", "cyber:system/logging", "--name", "spare"];
    let put = [&["link", "put"], &link[..2], &["logger"], &link[2..]].concat();
    let put = told(&mut lattice, &put).await;
    assert_eq!(put["changes"][0]["what"], "added", "{put}");
    let links = told(&mut lattice, &["link", "list"]).await;
    let names: Vec<_> = links
        .as_array()
        .unwrap()
        .iter()
        .map(|link| &link["name"])
        .collect();
    assert_eq!(names, ["default", "spare"], "{links}");
    let delete = [&["link", "delete"], &link[..]].concat();
    let removed = told(&mut lattice, &delete).await;
    assert_eq!(removed["changes"][0]["what"], "removed", "{removed}");
    assert_eq!(told(&mut lattice, &delete).await["changes"], json!([]));

    told(&mut lattice, &["config", "put", "shared", "level=warn"]).await;
    let config = told(&mut lattice, &["config", "get", "shared"]).await;
    assert_eq!(config["values"], json!({"level": "warn"}), "{config}");
    let configs = told(&mut lattice, &["config", "list"]).await;
    assert_eq!(configs[0]["name"], "shared", "{configs}");
    told(&mut lattice, &["config", "delete", "shared"]).await;
    assert_eq!(told(&mut lattice, &["config", "list"]).await, json!([]));

    let file = guest::path("hasher").display().to_string();
    let pushed = told(&mut lattice, &["push", &file]).await;
    let digest = pushed[0]["digest"].as_str().unwrap().to_owned();
    let stored = told(&mut lattice, &["artifact", "list"]).await;
    let stored = stored.as_array().unwrap().iter();
    assert!(
        stored.clone().any(|one| one["digest"] == digest),
        "{stored:?}"
    );
    told(&mut lattice, &["artifact", "delete", &digest]).await;
    let stored = told(&mut lattice, &["artifact", "list"]).await;
    assert!(!stored.to_string().contains(&digest), "{stored}");

    let export = said(&mut lattice, &["export"]).await;
    std::fs::write(lattice.folder().join("all.json"), export).unwrap();
    let changes = told(&mut lattice, &["import", "all.json", "--dry-run"]).await;
    assert!(!changes.to_string().contains("added"), "{changes}");

    let labels = told(&mut lattice, &["label", "a", "zone=x", "rack=1"]).await;
    assert_eq!(labels, json!({"labels": {"zone": "x", "rack": "1"}}));
    let labels = said(&mut lattice, &["label", "a", "--remove", "rack"]).await;
    assert!(
        labels.contains("zone=x") && !labels.contains("rack"),
        "{labels}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_moves_to_where_a_label_wants_it_when_the_label_is_set() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    let manifest = "name = \"app\"\n[actor.greeter]\ncomponent = \"greeter\"\n\
                    instances = 2\nrequire = { gpu = \"yes\" }\n";
    lattice.try_apply(manifest).await.unwrap();
    eventually("both hosts are listed", async || {
        let hosts = lattice.control("host.list", json!({})).await;
        match hosts["value"].as_array().map(Vec::len) {
            Some(2) => Ok(()),
            _ => Err(hosts),
        }
    })
    .await;
    for host in ["a", "b"] {
        said(&mut lattice, &["label", host, "gpu=yes"]).await;
        lattice.until_placed("greeter", &[(host, 2)]).await;
        said(&mut lattice, &["label", host, "--remove", "gpu"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_misspelt_are_answered_with_the_one_that_was_meant() {
    let mut lattice = one_host().await;
    lattice.run_with("greeter", "instances = 1").await;
    let misspelt = manifest().replace("to = \"logger\"", "to = \"loger\"");
    std::fs::write(lattice.folder().join("lattice.toml"), misspelt).unwrap();
    for (words, meant) in [
        (&["scale", "greter", "3"][..], "did you mean greeter?"),
        (&["history", "greter"], "did you mean greeter?"),
        (&["label", "aa", "x=y"], "did you mean a?"),
        (&["call", "greeter", "gret", "x"], "greet"),
        (&["diff"], "did you mean logger?"),
        (&["apply"], "did you mean logger?"),
    ] {
        let (_, text) = refused(&mut lattice, words).await;
        assert!(text.contains(meant), "{words:?}: {text}");
    }
    let logs = cli::start(&mut lattice, &["logs", "greter"], "did you mean greeter?").await;
    drop(logs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_can_be_followed_and_shells_complete_every_command() {
    let mut lattice = one_host().await;
    lattice.run_with("greeter", "instances = 1").await;
    let events = cli::begin(&mut lattice, &["events", "--json"]);
    let mut instances = 1;
    eventually("an event is printed", async || {
        // There and back: a host has room for so many only. It may begin to hear at any of them.
        instances = 3 - instances;
        let scale = json!({ "name": "greeter", "instances": instances });
        lattice.control("actor.scale", scale).await;
        lattice.until_placed("greeter", &[("a", instances)]).await;
        let lines = events.lines();
        let wanted = |line: &String| line.contains("\"type\":\"lattice.actor.scaled\"");
        if lines.iter().any(wanted) {
            Ok(())
        } else {
            Err(lines)
        }
    })
    .await;
    for shell in ["bash", "fish", "zsh"] {
        let completion = said(&mut lattice, &["completion", shell]).await;
        for command in ["apply", "drain", "label", "rollback"] {
            assert!(completion.contains(command), "{shell} {command}");
        }
    }
}
