//! Components that are programs: a call is a run.

use host::Allow;
use lattice_tests::{Lattice, Reply};
use serde_json::{Value, json};

use super::allowing;
use crate::one_host;

async fn run(lattice: &Lattice, actor: &str, command: Value) -> Reply {
    lattice
        .call(&format!("{actor}.wasi:cli/run.run"), command)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_unchanged_with_arguments_and_environment_as_its_manifest_says() {
    let lattice = one_host().await;
    let settings = "args = [\"one\", \"two\"]\nenv = { COLOUR = \"blue\", SIZE = 3 }";
    lattice.run_with("program", settings).await;
    let logs = lattice.logs().await;
    let reply = run(&lattice, "program", json!([])).await;
    assert_eq!(reply.json(), json!({"ok": null}));
    logs.with("program", "run 1 of program one two").await;
    logs.with("program", "with [COLOUR=blue SIZE=3]").await;
    // The short form, and nothing at all as arguments.
    let reply = lattice
        .request("lattice.default.call.program.run", "")
        .await;
    assert_eq!(reply.json(), json!({"ok": null}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_brings_further_arguments_by_name_or_by_place() {
    let lattice = one_host().await;
    lattice.run_with("program", "args = [\"a\"]").await;
    let logs = lattice.logs().await;
    run(&lattice, "program", json!({"args": ["by", "name"]}))
        .await
        .json();
    logs.with("program", "run 1 of program a by name").await;
    run(&lattice, "program", json!([["by", "place"]]))
        .await
        .json();
    logs.with("program", "run 1 of program a by place").await;
    for wrong in [
        json!(["x"]),
        json!({"arg": []}),
        json!([1]),
        json!([[], []]),
    ] {
        let failure = run(&lattice, "program", wrong).await.failure();
        assert!(failure.is("bad-request", 400), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_is_the_exit_code_however_the_program_ends() {
    let lattice = one_host().await;
    lattice.run("program").await;
    for (word, code) in [
        ("exit", json!({"err": 1})),
        ("fail", json!({"err": 1})),
        ("exit-well", json!({"ok": null})),
        ("input", json!({"ok": null})),
    ] {
        let reply = run(&lattice, "program", json!({"args": [word]})).await;
        assert_eq!(reply.json(), code, "{word}");
    }
    let failure = run(&lattice, "program", json!({"args": ["panic"]}))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    assert!(failure.message.contains("on request"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_is_there_and_empty() {
    let lattice = one_host().await;
    lattice.run("program").await;
    let logs = lattice.logs().await;
    run(&lattice, "program", json!([["input"]])).await.json();
    logs.with("program", "read Ok(0)").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_is_a_new_one_whatever_the_actor_says_of_its_instances() {
    let lattice = one_host().await;
    lattice.run_with("program", "instance = \"reuse\"").await;
    let logs = lattice.logs().await;
    for word in ["first", "second", "third"] {
        run(&lattice, "program", json!([[word]])).await.json();
        logs.with("program", &format!("run 1 of program {word}"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_exits_in_another_call_is_no_trap_and_gives_no_answer() {
    let lattice = one_host().await;
    lattice.run("worlds").await;
    for (well, code) in [(true, 0), (false, 1)] {
        let failure = lattice.call("worlds.exit", json!([well])).await.failure();
        let words = format!("exit code {code} instead of an answer");
        assert!(failure.message.contains(&words), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_wasi_0_3_runs_and_its_exit_code_is_its_own() {
    let lattice = one_host().await;
    lattice
        .run_with("program-async", "env = { COLOUR = \"blue\" }")
        .await;
    let logs = lattice.logs().await;
    for (word, code) in [
        ("well", json!({"ok": null})),
        ("fail", json!({"err": 1})),
        ("exit", json!({"err": 7})),
        ("random", json!({"ok": null})),
    ] {
        let reply = run(&lattice, "program-async", json!([[word]])).await;
        assert_eq!(reply.json(), code, "{word}");
        let line = format!("ran program-async {word} true");
        logs.with("program-async", &line).await;
    }
    logs.with("program-async", "random 16").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_bounds_wasi_0_2_bounds_0_3() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::write(open.join("file"), "text").unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    let lattice = allowing(Allow {
        files: vec![folder.path().to_str().unwrap().parse().unwrap()],
        names: vec!["localhost".parse().unwrap()],
        ..Allow::default()
    })
    .await;
    let grant = format!(
        "[actor.program-async.grant]\nnames = [\"localhost\"]\n\
         files.\"/data\" = {{ from = \"{}\" }}",
        open.display()
    );
    lattice.run_with("program-async", &grant).await;
    let logs = lattice.logs().await;
    for (words, said) in [
        (json!([["read", "file"]]), "read Ok(\"text\")"),
        (json!([["read", "../secret"]]), "read Err("),
        (json!([["lookup", "localhost"]]), "found true"),
        (json!([["lookup", "example.com"]]), "found false"),
    ] {
        assert_eq!(
            run(&lattice, "program-async", words).await.json(),
            json!({"ok": null})
        );
        logs.with("program-async", said).await;
    }
    let failure = run(&lattice, "program-async", json!([["flood"]]))
        .await
        .failure();
    assert!(
        failure.message.contains("limits.random_bytes"),
        "{failure:?}"
    );
}
