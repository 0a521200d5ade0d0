//! What nobody can read: each is answered, and harms nothing.

use async_nats::HeaderMap;
use futures_util::stream::{StreamExt as _, iter};
use lattice_tests::Lattice;
use serde_json::json;

use crate::one_host;

/// How many are on their way at once.
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_requests_are_each_answered_with_an_error_and_harm_nothing() {
    let lattice = one_host().await;
    lattice.run("types").await;
    let requests = iter(0..10_000).map(|number| refused(&lattice, number));
    requests
        .buffer_unordered(AT_ONCE)
        .for_each(async |()| {})
        .await;
    let echo = "types.lattice:test/types.echo-u32";
    assert_eq!(lattice.call(echo, json!([7])).await.json(), 7);
    let inventory = "lattice.default.host.a.ctl.inventory";
    let report = lattice.request(inventory, "{}").await.json();
    let types = &report["value"]["actors"]["types"];
    assert_eq!((&types["busy"], &types["waiting"]), (&json!(0), &json!(0)));
}

async fn refused(lattice: &Lattice, number: usize) {
    let (endpoint, headers, payload) = malformed(number);
    let subject = format!("lattice.default.call.types.{endpoint}");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    let shown = payload.escape_ascii().to_string();
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
    match number % 10 {
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
        8 => (POINTS, &[], b"[".repeat(1 + number)),
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
