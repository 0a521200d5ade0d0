//! The examples of composition: `hasher`, `processor` with `logger`, and both in one component.

use lattice_tests::{Lattice, eventually, guest};
use serde_json::{Value, json};

use super::pair::{Pair, Parts};
use crate::one_host;
use crate::way::{Way, every_way};

every_way! {
    a_processor_logs_through_the_logger_and_answers,
}

const PROCESSOR: Parts<'_> = Parts {
    caller: "processor",
    callee: "logger",
    interface: "cyber:system/logging",
    both: "",
    back: false,
    harmless: ("process", r#"["YWJj"]"#),
    ..Parts::ERRAND
};

async fn a_processor_logs_through_the_logger_and_answers(way: Way) {
    let mut pair = Pair::start(way, PROCESSOR).await;
    let logs = pair.lattice.logs().await;
    assert_processes(&pair.lattice, "caller").await;
    // Nothing is logged of no data.
    pair.assert_went(2);
    let record = logs.with("callee", "[info] processing 6 bytes").await;
    assert_eq!(record["host"], pair.callee_host());
    logs.with("callee", "[warn] the data is not UTF-8").await;
}

/// What a processor answers, whoever logs for it.
async fn assert_processes(lattice: &Lattice, actor: &str) {
    let process = format!("lattice.default.call.{actor}.process");
    let request = async |payload: &[u8]| {
        let answer = lattice.request(&process, payload.to_vec()).await;
        answer.msgpack()
    };
    // Bytes in MessagePack: straße, nothing, and what is no UTF-8.
    let upper = request(b"\x91\xc4\x06stra\xc3\x9f").await;
    assert_eq!(upper, json!({"ok": "STRASS"}));
    let empty = request(b"\x91\xc4\x00").await;
    assert_eq!(empty, json!({"err": "the data is empty"}));
    let broken = request(b"\x91\xc4\x02\xff\xff").await;
    let reason = broken["err"].as_str().unwrap();
    assert!(reason.starts_with("the data is not UTF-8"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_processor_and_a_logger_composed_run_as_one_actor_without_a_link() {
    let lattice = one_host().await;
    let logs = lattice.logs().await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    let component = guest::composed("processor", "logger");
    let digest = artifacts.push(&component).await.unwrap();
    let manifest = format!("name = \"one\"\n[actor.composed]\ncomponent = \"{digest}\"\n");
    let applied = lattice
        .control("app.apply", json!({ "manifest": manifest }))
        .await;
    assert_eq!(applied["ok"], true, "{applied}");
    eventually("it runs", async || {
        match lattice.placement("composed").await {
            none if none.is_empty() => Err(none),
            _ => Ok(()),
        }
    })
    .await;
    assert_processes(&lattice, "composed").await;
    logs.with("composed", "[info] processing 6 bytes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hasher_answers_the_known_digests() {
    let lattice = one_host().await;
    lattice.run("hasher").await;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (data, digest) in [
        (json!("YWJj"), abc),
        (json!([97, 98, 99]), abc),
        (json!(""), nothing),
        (Value::Array(Vec::new()), nothing),
    ] {
        let answer = lattice.call("hasher.hash-payload", json!([data])).await;
        assert_eq!(answer.json(), digest, "{data}");
        let full = "hasher.cyber-grid:crypto/hasher.hash-payload";
        assert_eq!(lattice.call(full, json!([data])).await.json(), digest);
    }
    // FIPS 180: a million times the letter a, in MessagePack.
    let mut million = b"\x91\xc6\x00\x0f\x42\x40".to_vec();
    million.resize(million.len() + 1_000_000, b'a');
    let subject = "lattice.default.call.hasher.hash-payload";
    let answer = lattice.request(subject, million).await;
    let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(answer.msgpack(), digest);
}
