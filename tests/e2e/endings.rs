//! Calls that end badly: each has a code, a message and a word on whether anything was done.

use lattice_tests::{Lattice, eventually, guest};
use serde_json::json;

use crate::{cli, one_host, program};

async fn misbehave(limits: &str) -> Lattice {
    let lattice = one_host().await;
    lattice.run_with("misbehave", limits).await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_tells_the_caller_its_first_line_and_the_log_a_backtrace() {
    let lattice = misbehave("").await;
    let logs = lattice.logs().await;
    let failure = lattice
        .call("misbehave.panic", json!(["it broke"]))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    assert_eq!(failure.executed, "maybe");
    assert!(failure.message.ends_with("it broke"), "{failure:?}");
    let record = logs.with("misbehave", "wasm backtrace").await;
    assert_eq!(
        (&record["level"], &record["stream"]),
        (&json!("error"), &json!("host"))
    );
    logs.with("misbehave", "misbehave.wasm!misbehave::").await;
    // The next call finds a new instance.
    assert_eq!(lattice.call("misbehave.count", json!([])).await.json(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traps_backtrace_names_functions_files_and_lines_where_the_component_knows_them() {
    let mut lattice = Lattice::start(program()).await;
    let _host = cli::start(&mut lattice, &["host", "--id", "a"], "joined").await;
    let manifest = format!(
        "name = \"app\"\n[actor.guest]\ncomponent = \"{}\"\n",
        guest::with_lines("misbehave").display()
    );
    std::fs::write(lattice.folder().join("lattice.toml"), manifest).unwrap();
    let applied = cli::run(&mut lattice, &["apply"]).await;
    assert!(applied.status.success(), "{}", applied.text());
    let logs = lattice.logs().await;
    let failed = cli::run(&mut lattice, &["call", "guest", "panic", "\"it broke\""]).await;
    assert!(failed.text().contains("it broke"), "{}", failed.text());
    assert!(!failed.text().contains("backtrace"), "{}", failed.text());

    logs.with("guest", "wasm backtrace").await;
    logs.with("guest", "_export_panic_cabi<misbehave::Misbehave>")
        .await;
    // In full: the panic's own message, on standard error, has the file too.
    let source = guest::root().join("actors/tests/misbehave/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let panics = |line: &str| line.contains(r#"panic!("{message}")"#);
    let line = text.lines().position(panics).unwrap() + 1;
    let place = format!("at {}:{line}:", source.display());
    logs.with("guest", &place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_spins_is_interrupted_at_the_actors_time_and_the_next_call_is_served() {
    let lattice = misbehave("instances = 1\nlimits = { time_ms = 2_000 }").await;
    let failure = lattice.call("misbehave.spin", json!([])).await.failure();
    assert!(failure.is("deadline", 504), "{failure:?}");
    assert_eq!(failure.executed, "maybe");
    // With one slot, this is served only if the first was given back.
    assert_eq!(lattice.call("misbehave.count", json!([])).await.json(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_in_a_header_holds_for_guests_that_spin_and_guests_that_wait() {
    let lattice = misbehave("").await;
    for (function, arguments) in [("spin", "[]"), ("sleep-ms", "[3600000]")] {
        let subject = format!("lattice.default.call.misbehave.{function}");
        let headers = [("Lattice-Deadline-Ms", "100")];
        let failure = lattice
            .request_with(&subject, &headers, arguments)
            .await
            .failure();
        assert!(failure.is("deadline", 504), "{function}: {failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_gets_no_more_memory_than_its_limit() {
    let lattice = misbehave("limits = { memory_mib = 16 }").await;
    let got = lattice.call("misbehave.grow", json!([1000])).await.json();
    assert!((1..16).contains(&got.as_u64().unwrap()), "{got} MiB of 16");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_actor_refuses_at_once_and_serves_again_when_it_has_room() {
    let lattice = misbehave("instances = 1\nlimits = { time_ms = 3_600_000, waiting = 1 }").await;
    let id = ("Lattice-Id", "01890a5dac96774bbcceb302099a8057");
    let sleep = async {
        let headers = [id, ("Lattice-Deadline-Ms", "3600000")];
        let subject = "lattice.default.call.misbehave.sleep-ms";
        lattice
            .request_with(subject, &headers, "[3600000]")
            .await
            .failure()
    };
    let waits = async {
        load(&lattice, 1, 0).await;
        lattice.call("misbehave.count", json!([])).await.json()
    };
    let refused = async {
        load(&lattice, 1, 1).await;
        let refused = lattice.call("misbehave.count", json!([])).await.failure();
        lattice.cancel("misbehave", id.1).await;
        refused
    };
    let (slept, waited, refused) = tokio::join!(sleep, waits, refused);
    assert!(refused.is("overloaded", 503), "{refused:?}");
    assert_eq!(refused.executed, "no");
    assert!(refused.message.contains("scale it"), "{refused:?}");
    assert_eq!((&*slept.code, waited), ("cancelled", json!(1)));
    assert_eq!(lattice.call("misbehave.count", json!([])).await.json(), 1);
}

/// Waits until the host says that so many calls run and wait.
async fn load(lattice: &Lattice, busy: u64, waiting: u64) {
    eventually("so many calls run and wait", async || {
        let report = lattice
            .request("lattice.default.host.a.ctl.inventory", "{}")
            .await
            .json();
        let actor = &report["value"]["actors"]["misbehave"];
        let fits = actor["busy"] == busy && actor["waiting"] == waiting;
        if fits { Ok(()) } else { Err(report) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_and_results_over_the_actors_limit_are_refused() {
    let lattice = one_host().await;
    lattice
        .run_with("misbehave", "limits = { payload_bytes = 2048 }")
        .await;
    let large = json!(["x".repeat(4096)]);
    let failure = lattice.call("misbehave.panic", large).await.failure();
    assert!(failure.is("too-large", 413), "{failure:?}");
    assert_eq!(failure.executed, "no");
    let failure = lattice
        .call("misbehave.random", json!([3000]))
        .await
        .failure();
    assert!(failure.is("too-large", 413), "{failure:?}");
    assert_eq!(failure.executed, "maybe");
}
