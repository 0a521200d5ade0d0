//! What a guest can and can't do, and what it says.

use lattice_tests::Lattice;
use serde_json::json;

use crate::one_host;

async fn misbehave() -> Lattice {
    let lattice = one_host().await;
    lattice.run("misbehave").await;
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_a_fresh_instance() {
    let lattice = misbehave().await;
    for _ in 0..5 {
        assert_eq!(lattice.call("misbehave.count", json!([])).await.json(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_sees_no_environment_no_file_and_no_network() {
    let lattice = misbehave().await;
    assert_eq!(
        lattice.call("misbehave.env", json!([])).await.json(),
        json!([])
    );
    for path in ["/etc/passwd", "Cargo.toml", "."] {
        let answer = lattice
            .call("misbehave.read-file", json!([path]))
            .await
            .json();
        assert!(answer["err"].is_string(), "{path}: {answer}");
    }
    // Somebody listens there: it is the sandbox that refuses.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = lattice
        .call("misbehave.connect", json!([address]))
        .await
        .json();
    assert!(answer["err"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn randomness_is_given_in_bounded_amounts() {
    let lattice = misbehave().await;
    let first = lattice.call("misbehave.random", json!([16])).await.json();
    let second = lattice.call("misbehave.random", json!([16])).await.json();
    assert_ne!(first, second);
    let failure = lattice
        .call("misbehave.random", json!([u32::MAX]))
        .await
        .failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guest_prints_arrives_in_the_log_with_the_id_of_its_call() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    let logs = lattice.logs().await;
    let id = "01890a5dac96774bbcceb302099a8057";
    let subject = "lattice.default.call.greeter.greet";
    lattice
        .request_with(subject, &[("Lattice-Id", id)], r#"["World"]"#)
        .await;
    let record = logs.with("greeter", "greeting World").await;
    assert_eq!(record["message"], "greeting World");
    assert_eq!(record["call"], id);
    assert_eq!(
        (&record["stream"], &record["level"]),
        (&json!("stdout"), &json!("info"))
    );
    assert_eq!(record["host"], "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_floods_its_log_is_cut_and_the_lines_left_out_are_counted() {
    let lattice = one_host().await;
    lattice
        .run_with("misbehave", "limits = { log_bytes_per_s = 10000 }")
        .await;
    let logs = lattice.logs().await;
    lattice
        .call("misbehave.print", json!([10_000, 100]))
        .await
        .text();
    // The allowance comes back with time, and the next line says how many there were.
    lattice_tests::eventually("lines were counted", async || {
        lattice.call("misbehave.print", json!([1, 10])).await.text();
        let all = logs.so_far();
        let counted = all.iter().any(|r| {
            r["message"]
                .as_str()
                .is_some_and(|m| m.contains("left out"))
        });
        if counted { Ok(()) } else { Err(all.len()) }
    })
    .await;
    assert!(
        logs.so_far().len() < 5_000,
        "{} records",
        logs.so_far().len()
    );
}
