//! Streams and futures of functions, as callers from outside see them: with frames, and without (`whole`).

mod whole;

use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::{Reader, pipe};
use lattice_client::{Call, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::codec::Writer;
use lattice_protocol::codec::elements::{Elements, chunks};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_tests::{Lattice, eventually};
use serde_json::json;
use tokio::sync::mpsc;

use crate::one_host;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// More than a test may last.
const HOUR: Duration = Duration::from_secs(3600);

async fn flows() -> Lattice {
    let lattice = one_host().await;
    let manifest = "name = \"app\"\n[actor.flows]\ncomponent = \"flows\"\ninstances = 4\n\
                    limits = { time_ms = 3_600_000 }\n\
                    [actor.flows.link.\"lattice:flows\"]\nto = \"flows\"\n";
    lattice.apply(manifest).await;
    lattice
}

fn call(function: &str, payload: impl Into<Bytes>, streams: Vec<Reader>) -> Call {
    Call {
        target: "flows".parse().unwrap(),
        endpoint: format!("lattice:flows/work.{function}").parse().unwrap(),
        context: Context::default(),
        payload: payload.into(),
        streams: streams.into(),
    }
}

async fn ask(
    lattice: &Lattice,
    function: &str,
    payload: impl Into<Bytes>,
    streams: Vec<Reader>,
) -> Result<Reply, CallError> {
    let call = call(function, payload, streams);
    lattice.client().call(call).await
}

/// Arguments that refer to these streams.
fn referring(numbers: &[u32]) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(numbers.len() as u32);
    numbers.iter().for_each(|number| out.stream(*number));
    out.into_bytes()
}

/// Elements as a stream.
fn elements(values: impl IntoIterator<Item = u64>) -> Reader {
    let values = values.into_iter().map(|value| {
        let mut out = Writer::default();
        out.unsigned(value);
        out.into_bytes()
    });
    let bytes = chunks(values).unwrap().concat();
    Reader::whole(bytes.into(), Bytes::new())
}

async fn all(mut reader: Reader) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_frames_gives_and_takes_streams_and_futures() {
    let lattice = flows().await;
    let text = Bytes::from("some text ".repeat(300_000));
    let sent = Reader::whole(text.clone(), Bytes::new());
    let mut reply = ask(&lattice, "upper", referring(&[1]), vec![sent])
        .await
        .unwrap();
    assert_eq!(reply.payload, [0xd6, 1, 0, 0, 0, 1][..]);
    let upper = all(reply.streams.remove(0)).await.unwrap();
    assert!(upper == text.to_ascii_uppercase());

    let numbers = elements(0..50_000);
    let reply = ask(&lattice, "sum", referring(&[1]), vec![numbers])
        .await
        .unwrap();
    assert_eq!(
        rmp_serde::from_slice::<u64>(&reply.payload).unwrap(),
        1_249_975_000
    );

    let mut reply = ask(&lattice, "count", &b"\x91\x03"[..], Vec::new())
        .await
        .unwrap();
    let counted = all(reply.streams.remove(0)).await.unwrap();
    assert_eq!(counted, [0, 0, 0, 3, 0, 1, 2]);

    let sent = Reader::whole("later".into(), Bytes::new());
    let mut reply = ask(&lattice, "later", referring(&[1]), vec![sent])
        .await
        .unwrap();
    let mut value = Elements::default();
    value.feed(&all(reply.streams.remove(0)).await.unwrap());
    assert_eq!(
        value.pull().unwrap().unwrap(),
        "\u{a5}later".as_bytes()[1..]
    );
    assert!(value.may_end());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_that_dont_refer_to_each_stream_once_are_refused_by_name() {
    let lattice = flows().await;
    let some = || Reader::whole("x".into(), Bytes::new());
    for (payload, streams, words) in [
        (
            referring(&[2]),
            vec![some()],
            "argument \"text\": stream 2 did not come",
        ),
        (
            referring(&[0]),
            vec![some()],
            "argument \"text\": stream 0 did not come",
        ),
        (
            referring(&[1]),
            vec![],
            "argument \"text\": stream 1 did not come",
        ),
        (
            referring(&[1]),
            vec![some(), some()],
            "2 streams came, and the arguments refer to 1",
        ),
        (
            vec![0x91, 0x07],
            vec![],
            "argument \"text\": expected bytes, found integer 7",
        ),
    ] {
        let error = ask(&lattice, "upper", payload, streams).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest, "{error}");
        assert!(error.message.contains(words), "{words}: {error}");
    }
    let referred = ask(&lattice, "count", referring(&[1]), vec![some()]).await;
    assert_eq!(referred.unwrap_err().code, ErrorCode::BadRequest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elements_that_are_no_values_of_their_type_end_the_call_as_the_callers_fault() {
    let lattice = flows().await;
    let too_large = elements([1, u64::from(u32::MAX) + 1]);
    let no_chunk = Reader::whole(Bytes::from_static(&[0; 8]), Bytes::new());
    let cut = Reader::whole(Bytes::from_static(&[0, 0, 0, 2, 1]), Bytes::new());
    for stream in [too_large, no_chunk, cut] {
        let asked = ask(&lattice, "sum", referring(&[1]), vec![stream]).await;
        let error = asked.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadRequest, "{error}");
        assert!(error.message.starts_with("in a stream: "), "{error}");
    }
    let reply = ask(&lattice, "sum", referring(&[1]), vec![elements([1])]).await;
    assert_eq!(reply.unwrap().payload, [1][..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_its_writer_breaks_off_ends_the_call_with_that_error() {
    let lattice = flows().await;
    for function in ["sum", "now"] {
        let (writer, reader) = pipe(KIB);
        writer.fail(CallError::begun(ErrorCode::TooLarge, "it grew too long"));
        let asked = ask(&lattice, function, referring(&[1]), vec![reader]).await;
        let error = asked.unwrap_err();
        assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
        assert_eq!(error.message, "it grew too long");
    }
    // After the reply it is the result's reader who hears.
    let (mut writer, reader) = pipe(KIB);
    writer.push("begun".into());
    let mut reply = ask(&lattice, "upper", referring(&[1]), vec![reader])
        .await
        .unwrap();
    let mut upper = reply.streams.remove(0);
    assert_eq!(upper.next().await.unwrap().unwrap(), "BEGUN");
    drop(writer);
    let error = upper.next().await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Cancelled, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_writer_through_a_guest() {
    let lattice = flows().await;
    let (mut writer, reader) = pipe(64 * KIB);
    let (count, mut counted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let piece = Bytes::from(vec![b'x'; 64 * KIB]);
        while writer.write(piece.clone()).await.is_ok() {
            count.send(piece.len()).unwrap();
        }
    });
    let mut reply = ask(&lattice, "upper", referring(&[1]), vec![reader])
        .await
        .unwrap();
    let mut upper = reply.streams.remove(0);
    upper.next().await.unwrap().unwrap();
    // What is under way settles at the windows: until other calls of the same connection have been
    // answered, nothing more was written.
    let mut written = 0;
    loop {
        let before = written;
        for _ in 0..3 {
            let other = ask(&lattice, "begun", Bytes::new(), Vec::new()).await;
            assert_eq!(other.unwrap().payload, "1");
        }
        while let Ok(bytes) = counted.try_recv() {
            written += bytes;
        }
        if written == before && written > 0 {
            break;
        }
    }
    assert!(
        written < 4 * MIB,
        "{written} bytes were written and one piece read"
    );
}

/// Waits until so many calls of the actor run.
async fn until_busy(lattice: &Lattice, busy: u64) {
    eventually(&format!("{busy} calls run"), async || {
        let report = lattice.request("lattice.default.host.a.ctl.inventory", "{}");
        let report = report.await.json();
        let fits = report["value"]["actors"]["flows"]["busy"] == busy;
        if fits { Ok(()) } else { Err(report) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_stops_its_writers_and_frees_the_guest() {
    let lattice = flows().await;
    // Before the answer, and after it with a guest that waits for more.
    for function in ["sum", "upper", "later"] {
        let (mut writer, reader) = pipe(KIB);
        let mut call = call(function, referring(&[1]), vec![reader]);
        call.context.remaining = HOUR;
        let client = lattice.client().clone();
        let asked = tokio::spawn(async move {
            let reply = client.call(call).await;
            std::future::pending::<()>().await;
            drop(reply);
        });
        until_busy(&lattice, 1).await;
        asked.abort();
        assert_eq!(
            writer.closed().await.code,
            ErrorCode::Cancelled,
            "{function}"
        );
        until_busy(&lattice, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_stand_still_for_the_calls_time_end_it() {
    let lattice = flows().await;
    for function in ["sum", "upper", "later"] {
        let (mut writer, reader) = pipe(KIB);
        let mut call = call(function, referring(&[1]), vec![reader]);
        call.context.remaining = Duration::from_millis(500);
        let error = match lattice.client().call(call).await {
            Ok(mut reply) => all(reply.streams.remove(0)).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.code, ErrorCode::Deadline, "{function}: {error}");
        writer.closed().await;
        until_busy(&lattice, 0).await;
    }
}
