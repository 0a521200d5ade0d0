//! What nobody can read: each is answered, and harms nothing.
//!
//! `LATTICE_MALFORMED=1000000 cargo test -p lattice-cli --test e2e -- --nocapture malformed_requests`
//! makes a million of them, and prints how each kind was answered.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_nats::HeaderMap;
use futures_util::stream::{StreamExt as _, iter};
use lattice_tests::{Lattice, eventually};
use serde_json::json;

use crate::one_host;

/// How many are on their way at once.
const AT_ONCE: usize = 32;
/// How many are made, and the variable that asks for another number.
const REQUESTS: usize = 10_000;
const VARIABLE: &str = "LATTICE_MALFORMED";
/// The deepest nesting, and with it the largest payload.
const DEPTH_MAX: usize = 10_000;

/// How many were answered so: by the subject's kind and the code.
type Counts = BTreeMap<(&'static str, String), usize>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_requests_are_each_answered_with_an_error_and_harm_nothing() {
    let all = match std::env::var(VARIABLE) {
        Ok(number) => number.parse().expect("LATTICE_MALFORMED is a number"),
        Err(_) => REQUESTS,
    };
    let lattice = one_host().await;
    lattice.run("types").await;
    let counts = Mutex::new(Counts::new());
    let requests = iter(0..all).map(async |number| {
        let answered = refused(&lattice, number).await;
        *counts.lock().unwrap().entry(answered).or_default() += 1;
    });
    requests
        .buffer_unordered(AT_ONCE)
        .for_each(async |()| {})
        .await;
    let counts = counts.into_inner().unwrap();
    for ((what, code), count) in &counts {
        eprintln!("{count:>9} × {what}: {code}");
    }
    assert_eq!(counts.values().sum::<usize>(), all);
    let echo = "types.lattice:test/types.echo-u32";
    assert_eq!(lattice.call(echo, json!([7])).await.json(), 7);
    let inventory = "lattice.default.host.a.ctl.inventory";
    // An answer comes before its slot is free.
    eventually("nothing runs or waits", async || {
        let report = lattice.request(inventory, "{}").await.json();
        let types = &report["value"]["actors"]["types"];
        let rests = types["busy"] == 0 && types["waiting"] == 0;
        if rests { Ok(()) } else { Err(report) }
    })
    .await;
}

/// Makes one; answers what it was for, and the code of its refusal.
async fn refused(lattice: &Lattice, number: usize) -> (&'static str, String) {
    match number % 12 {
        10 => refused_control(lattice, "lattice.default.ctl.actor.scale", number).await,
        11 => refused_control(lattice, "lattice.default.host.a.ctl.label", number).await,
        _ => refused_call(lattice, number).await,
    }
}

async fn refused_control(
    lattice: &Lattice,
    subject: &'static str,
    number: usize,
) -> (&'static str, String) {
    // Never valid by chance: no JSON begins so.
    let payload = [b"\xff".to_vec(), noise(number)].concat();
    let reply = lattice.request(subject, payload).await.json();
    let code = reply["error"]["code"].as_str().unwrap_or_default();
    assert_eq!(code, "bad-request", "{number}: {reply}");
    ("control", code.to_owned())
}

async fn refused_call(lattice: &Lattice, number: usize) -> (&'static str, String) {
    let (endpoint, headers, payload) = malformed(number);
    let subject = format!("lattice.default.call.types.{endpoint}");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    let shown = payload[..payload.len().min(200)].escape_ascii().to_string();
    let reply = lattice
        .plain()
        .request_with_headers(subject, map, payload.into())
        .await
        .unwrap_or_else(|error| panic!("{number}: {endpoint} {shown}: {error}"));
    let code = reply
        .headers
        .as_ref()
        .and_then(|all| all.get("Lattice-Error"));
    let code = code.map(|code| code.as_str()).unwrap_or_default();
    assert!(
        matches!(code, "bad-request" | "not-found"),
        "{number}: {endpoint} {shown}: {reply:?}"
    );
    ("call", code.to_owned())
}

type Request = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Vec<u8>,
);

/// One of many kinds, with bytes of its own.
fn malformed(number: usize) -> Request {
    const WIDE: &str = "lattice:test/types.echo-wide";
    const POINTS: &str = "lattice:test/types.echo-points";
    const U32: &str = "lattice:test/types.echo-u32";
    let mut noise = noise(number);
    match number % 12 {
        0 => (WIDE, &[], noise),
        1 => (POINTS, &[], [b"[".to_vec(), noise].concat()),
        2 => (WIDE, &[], [vec![0x91, 0xde, 0xff, 0xff], noise].concat()),
        // A list of four thousand million, of which nothing comes.
        3 => (POINTS, &[], vec![0x91, 0xdd, 0xff, 0xff, 0xff, 0xff]),
        4 => (U32, &[], br#"["7"#.to_vec()),
        5 => (U32, &[("Lattice-Deadline-Ms", "later")], b"[7]".to_vec()),
        6 => (U32, &[("Lattice-Id", "\u{1F980}")], b"[7]".to_vec()),
        7 => ("no-such-function", &[], b"[7]".to_vec()),
        // Deeper than any type.
        8 => (POINTS, &[], b"[".repeat(1 + number % DEPTH_MAX)),
        _ => {
            noise.retain(|byte| *byte != b']');
            (POINTS, &[], [b"\x92\xa1".to_vec(), noise].concat())
        }
    }
}

/// Bytes that are the same on every run.
fn noise(seed: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (seed as u64).wrapping_mul(0x2545_f491_4f6c_dd1d);
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..seed % 97).map(byte).collect()
}
