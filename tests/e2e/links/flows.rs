//! Streams and futures between actors: the same on every way, and nothing that breaks off looks whole.

use futures_util::StreamExt as _;
use lattice_protocol::error::{ErrorCode, Executed};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::pair::{self, Pair, Parts};
use crate::way::{Way, every_way};

every_way! {
    sixty_four_mib_come_back_whole_through_hosts_that_hold_little_of_them,
    values_of_every_kind_cross_in_streams_and_futures,
    a_stream_that_only_passes_through_an_actor_comes_whole,
    a_reader_that_stops_early_stops_the_writer_and_frees_both,
    a_writer_that_traps_half_way_is_an_error_and_never_a_short_stream,
    a_stream_that_breaks_off_is_never_whole_for_whom_it_was_passed_on_to,
    nor_is_it_when_the_instance_that_passes_it_on_is_used_again,
    calls_with_streams_share_an_instance_that_is_used_again,
}

const MIB: u64 = 1024 * 1024;

/// Actors whose instances serve one call after another.
const REUSE: Parts<'_> = Parts {
    both: "limits = { time_ms = 3_600_000 }\ninstance = \"reuse\"",
    ..Parts::FLOWS
};

fn order(function: &str) -> String {
    format!("lattice:flows/orders.{function}")
}

async fn sixty_four_mib_come_back_whole_through_hosts_that_hold_little_of_them(way: Way) {
    let (pair, hosts) = Pair::start_processes(way, Parts::FLOWS).await;
    let echo = async |bytes: u64| {
        let echo = pair::call(&order("echo"), json!([bytes]));
        let reply = pair.lattice.client().call(echo).await.unwrap();
        assert_eq!(reply.payload, bytes.to_string());
    };
    echo(MIB).await;
    let before = hosts.iter().map(|host| {
        host.forget_peak();
        host.resident_bytes()
    });
    let before: Vec<_> = before.collect();
    echo(64 * MIB).await;
    for (host, before) in hosts.iter().zip(before) {
        let more = host.peak_resident_bytes().saturating_sub(before);
        assert!(more < 32 * MIB, "{more} bytes more at the peak");
    }
}

async fn values_of_every_kind_cross_in_streams_and_futures(way: Way) {
    let mut pair = Pair::start(way, Parts::FLOWS).await;
    let sum = pair.call(&order("sum"), json!([100_000])).await.json();
    assert_eq!(sum, 4_999_950_000_u64);
    pair.assert_went(2);
    let mirrored = pair.call(&order("mirror"), json!([40])).await.json();
    let points: Vec<_> = mirrored.as_array().unwrap().iter().collect();
    assert_eq!(points.len(), 40);
    assert_eq!(points[3], "-3 None");
    assert_eq!(points[38], "-38 Some(\"p38\")");
    for function in ["later", "now"] {
        let said = pair.call(&order(function), json!(["in time"])).await.json();
        assert_eq!(said, "in time", "{function}");
    }
    for (arguments, outcome) in [
        (json!([300_000, false]), json!({"ok": 300_000})),
        (json!([7, true]), json!({"err": "it broke"})),
        (json!([0, false]), json!({"err": "nothing to read"})),
    ] {
        let read = pair.call(&order("read"), arguments).await.json();
        assert_eq!(read, outcome);
    }
}

async fn a_stream_that_only_passes_through_an_actor_comes_whole(way: Way) {
    let pair = Pair::start(way, Parts::FLOWS).await;
    let text = "abc".repeat(100_000);
    let arguments = json!([text.as_bytes()]);
    let upper = pair.call(&order("upper"), arguments).await.json();
    // In base64, three bytes are four characters.
    assert!(upper.as_str().unwrap() == "QUJD".repeat(100_000));
}

async fn a_reader_that_stops_early_stops_the_writer_and_frees_both(way: Way) {
    let pair = Pair::start(way, Parts::FLOWS).await;
    let came = pair.call(&order("endless"), json!([200_000])).await.json();
    assert!(came.as_u64().unwrap() >= 200_000, "{came}");
    let taken = pair.call(&order("sip"), json!([100_000])).await.json();
    assert_eq!(taken, 100_000);
    pair.until_load("callee", 0, 0).await;
    pair.until_load("caller", 0, 0).await;
}

async fn a_writer_that_traps_half_way_is_an_error_and_never_a_short_stream(way: Way) {
    let pair = Pair::start(way, Parts::FLOWS).await;
    // Each time another moment, with more and less that is still on its way.
    for bytes in [0, 1, 100_000, 600_000, 2_000_000] {
        let broken = pair.call(&order("break-off"), json!([bytes])).await;
        let failure = broken.failure();
        assert!(failure.is("trapped", 502), "{failure:?}");
        assert_eq!(failure.executed, "maybe");
        let words = "the call to callee failed: trapped: lattice:flows/work.break-off trapped: ";
        assert!(failure.message.starts_with(words), "{failure:?}");
        assert!(
            failure.message.ends_with("asked to break off"),
            "{failure:?}"
        );
    }
    let failure = pair.call(&order("never"), json!([])).await.failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    assert!(
        failure.message.ends_with("asked to give nothing"),
        "{failure:?}"
    );
    pair.until_load("callee", 0, 0).await;
}

async fn a_stream_that_breaks_off_is_never_whole_for_whom_it_was_passed_on_to(way: Way) {
    passed_on(&Pair::start(way, Parts::FLOWS).await).await;
}

async fn nor_is_it_when_the_instance_that_passes_it_on_is_used_again(way: Way) {
    passed_on(&Pair::start(way, REUSE).await).await;
}

/// Whoever gets a stream to its end says so: where it broke off on the way, nobody may.
async fn passed_on(pair: &Pair) {
    let subscribed = pair.lattice.plain().subscribe("lattice.default.log.callee");
    let mut log = subscribed.await.unwrap();
    for bytes in [0, 1, 100_000, 600_000, 2_000_000] {
        let broken = pair.call(&order("hand-on"), json!([bytes, false])).await;
        let failure = broken.failure();
        assert!(failure.is("trapped", 502), "{failure:?}");
    }
    pair.until_load("callee", 0, 0).await;
    let whole = pair.call(&order("hand-on"), json!([7, true])).await.json();
    assert_eq!(whole, json!({"ok": 7}));
    let said = loop {
        let record: Value = serde_json::from_slice(&log.next().await.unwrap().payload).unwrap();
        match record["message"].as_str().unwrap() {
            said if said.starts_with("whole") => break said.to_owned(),
            _ => {}
        }
    };
    assert_eq!(said, "whole: 7");
}

async fn calls_with_streams_share_an_instance_that_is_used_again(way: Way) {
    let pair = Pair::start(way, REUSE).await;
    let echo = order("echo");
    let calls = (0..8).map(|_| pair.call(&echo, json!([300_000])));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(reply.json(), 300_000);
    }
    let begun = "callee.lattice:flows/work.begun";
    for count in 1..4 {
        assert_eq!(pair.lattice.call(begun, json!([])).await.json(), count);
    }
    let failure = pair.call(&order("break-off"), json!([9])).await.failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
    assert_eq!(pair.call(&echo, json!([70_000])).await.json(), 70_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_whose_host_is_killed_half_way_is_an_error_and_never_a_short_stream() {
    let (pair, hosts) = Pair::start_processes(Way::Away, Parts::FLOWS).await;
    let endless = pair::call(&order("endless"), json!([4_000_000_000_u32]));
    let kill = async {
        pair.until_load("callee", 1, 0).await;
        hosts[1].signal(Signal::KILL);
    };
    let (reply, ()) = tokio::join!(pair.lattice.client().call(endless), kill);
    // Long before its time of an hour.
    let error = reply.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(error.executed, Executed::Maybe);
}
